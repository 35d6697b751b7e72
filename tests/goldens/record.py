"""What transformers computes: hidden states by forward hooks, and greedy continuations."""

import contextlib
from unittest import mock

import torch

NEW_TOKENS = 12


@contextlib.contextmanager
def in_float64():
    """Also where transformers says float32: norms, softmax, rotary angles. Without this the
    softmax of a row that sees nothing (padding) is NaN, since the mask of a float64 model does
    not fit into float32."""
    with (
        mock.patch.object(torch, "float32", torch.float64),
        mock.patch.object(torch, "float", torch.float64),
        mock.patch.object(torch.Tensor, "float", torch.Tensor.double),
    ):
        yield


def padded(sequences, side):
    """Ids and attention mask, both [batch, tokens]; padding is id 0."""
    width = max(map(len, sequences))
    rows, masks = [], []
    for sequence in sequences:
        fill = [0] * (width - len(sequence))
        ones = [1] * len(sequence)
        rows.append(sequence + fill if side == "right" else fill + sequence)
        masks.append(ones + fill if side == "right" else fill + ones)
    return torch.tensor(rows), torch.tensor(masks)


def parts(model):
    """The blocks, the final norm, and the modules of a block: what attention adds, what the MLP adds, the MLP's last map."""
    if hasattr(model, "transformer"):
        body = model.transformer
        return body.h, body.ln_f, ["attn", "mlp", "mlp.c_proj"]
    if hasattr(model, "gpt_neox"):
        body = model.gpt_neox
        return body.layers, body.final_layer_norm, ["attention", "mlp", "mlp.dense_4h_to_h"]
    kind = model.config.model_type
    if kind == "opt":
        body = model.model.decoder
        return body.layers, body.final_layer_norm, ["self_attn", "fc2", "fc2"]
    body = model.model
    attention, mlp, down = "self_attn", "mlp", dict(phi="fc2", starcoder2="c_proj").get(kind, "down_proj")
    if kind in ("gemma2", "gemma3_text", "olmo2"):
        attention, mlp = "post_attention_layernorm", "post_feedforward_layernorm"
    norm = body.final_layernorm if kind == "phi" else body.norm
    return body.layers, norm, [attention, mlp, f"mlp.{down}"]


@contextlib.contextmanager
def hooked(model, kept, sublayers):
    """While this lasts, a forward pass writes into `kept`. hidden.i is what block i reads, and so
    what block i-1 wrote: the residual stream itself, never normed."""
    blocks, norm, (attention, mlp, down) = parts(model)
    # Granite's; what a sublayer gives is multiplied by it on the way to the residual stream.
    multiplier = getattr(model.config, "residual_multiplier", 1.0)

    def shaped(value):
        # OPT makes one row of a batch for its MLP.
        return value if value.dim() == 3 else value.reshape(*kept["hidden.0"].shape[:2], -1)

    def keep(name, factor=1.0):
        def hook(_module, _args, output):
            kept[name] = shaped(output[0] if isinstance(output, tuple) else output) * factor
        return hook

    def keep_input(name):
        def hook(_module, args, kwargs):
            kept[name] = shaped(args[0] if args else kwargs["hidden_states"])
        return hook

    with contextlib.ExitStack() as hooks:
        def output_of(module, name, factor=1.0):
            hooks.callback(module.register_forward_hook(keep(name, factor)).remove)

        def input_of(module, name):
            hook = module.register_forward_pre_hook(keep_input(name), with_kwargs=True)
            hooks.callback(hook.remove)

        input_of(blocks[0], "hidden.0")
        for i, block in enumerate(blocks):
            output_of(block, f"hidden.{i + 1}")
            if sublayers:
                output_of(block.get_submodule(attention), f"attention.{i}", multiplier)
                output_of(block.get_submodule(mlp), f"mlp.{i}", multiplier)
                input_of(block.get_submodule(down), f"neurons.{i}")
        output_of(norm, "final")
        yield


def record(model, ids, mask, sublayers=False):
    """One forward pass, at the positions that `generate` gives: padding does not count."""
    kept = {}
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    is_float64 = next(model.parameters()).dtype == torch.float64
    with torch.no_grad(), hooked(model, kept, sublayers), \
            in_float64() if is_float64 else contextlib.nullcontext():
        kept["logits"] = model(input_ids=ids, attention_mask=mask, position_ids=positions,
                               use_cache=False).logits
    dtypes = {value.dtype for value in kept.values()}
    assert dtypes == {torch.float64 if is_float64 else torch.float32}, dtypes
    return kept


def greedy(model, prompt):
    """The continuation with a key-value cache, and the smallest margin by which a token won."""
    ids = torch.tensor([prompt])
    with torch.no_grad():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False,
                             max_new_tokens=NEW_TOKENS, eos_token_id=None, pad_token_id=0,
                             output_logits=True, return_dict_in_generate=True)
    top = [logits.topk(2).values[0] for logits in out.logits]
    return ids, out.sequences, min((pair[0] - pair[1]).item() for pair in top)
