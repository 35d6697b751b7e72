#!/usr/bin/env python3
"""Writes the goldens beside this file: tiny random-weight checkpoints of every family, and what
transformers computes with them on the CPU. See README.md."""

import copy
import json
import os
import pathlib
import shutil
import sys

import torch
import transformers
from safetensors.torch import save_file

from families import GOLDENS
from text import write_tokenizer, write_demo_text

HERE = pathlib.Path(__file__).parent
PINNED = dict(line.split("==") for line in (HERE / "requirements.txt").read_text().split()
              if "==" in line)
LENGTHS = [12, 8, 5]
NEW_TOKENS = 10


def check_versions():
    found = dict(torch=torch.__version__.split("+")[0], transformers=transformers.__version__)
    assert found == PINNED, f"pinned {PINNED}, found {found}"


def randomise(model, seed):
    """Every parameter, biases and norms too: what a fresh model leaves at 0 or 1 hides mistakes."""
    torch.manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape)
        is_norm = any(part in name for part in ("norm", "ln_"))
        if is_norm and name.endswith("weight"):
            parameter.data = 1 + 0.2 * noise
        elif parameter.dim() == 1:
            parameter.data = 0.2 * noise
        else:
            parameter.data = 0.25 * noise
    model.tie_weights()


def parts(model):
    """The blocks, the final norm, and how a block's sublayers are called."""
    if hasattr(model, "transformer"):
        body = model.transformer
        return body.h, body.ln_f, "attn", "c_proj"
    if hasattr(model, "gpt_neox"):
        body = model.gpt_neox
        return body.layers, body.final_layer_norm, "attention", "dense_4h_to_h"
    return model.model.layers, model.model.norm, "self_attn", "down_proj"


def first(value):
    return value[0] if isinstance(value, tuple) else value


def record(model, ids, mask, sublayers):
    """One forward pass with hooks. hidden.i is what block i reads and block i-1 wrote."""
    kept, hooks = {}, []
    blocks, norm, attention, down = parts(model)

    def keep(name):
        return lambda _module, _args, output: kept.__setitem__(name, first(output))

    def keep_input(name):
        def hook(_module, args, kwargs):
            kept[name] = args[0] if args else kwargs["hidden_states"]
        return hook

    for i, block in enumerate(blocks):
        if i == 0:
            hooks.append(block.register_forward_pre_hook(keep_input("hidden.0"), with_kwargs=True))
        hooks.append(block.register_forward_hook(keep(f"hidden.{i + 1}")))
        if sublayers:
            hooks.append(getattr(block, attention).register_forward_hook(keep(f"attention.{i}")))
            hooks.append(block.mlp.register_forward_hook(keep(f"mlp.{i}")))
            hooks.append(getattr(block.mlp, down).register_forward_pre_hook(
                keep_input(f"neurons.{i}"), with_kwargs=True))
    hooks.append(norm.register_forward_hook(keep("final")))
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        kept["logits"] = model(input_ids=ids, attention_mask=mask, position_ids=positions,
                               use_cache=False).logits
    for hook in hooks:
        hook.remove()
    return {name: value.detach().float().contiguous() for name, value in kept.items()}


def padded(sequences, side):
    width = max(map(len, sequences))
    rows, masks = [], []
    for sequence in sequences:
        fill = [0] * (width - len(sequence))
        ones = [1] * len(sequence)
        rows.append(sequence + fill if side == "right" else fill + sequence)
        masks.append(ones + fill if side == "right" else fill + ones)
    return torch.tensor(rows), torch.tensor(masks)


def greedy(model, prompt):
    """The continuation, and the smallest margin by which a token won."""
    ids = torch.tensor([prompt])
    with torch.no_grad():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False,
                             max_new_tokens=NEW_TOKENS, eos_token_id=None, pad_token_id=0,
                             output_logits=True, return_dict_in_generate=True)
    top = [logits.topk(2).values[0] for logits in out.logits]
    return ids, out.sequences, min((pair[0] - pair[1]).item() for pair in top)


def load(folder):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager")
    return model.eval()


def matters(folder, golden, ids, mask, logits):
    if not golden.must_matter:
        return
    # From a fresh copy, since a configuration is changed by the model that it was given to.
    fields = json.loads((folder / "config.json").read_text())
    changed = type(golden.config)(**{**fields, **copy.deepcopy(golden.must_matter)})
    other = transformers.AutoModelForCausalLM.from_config(
        changed, dtype=torch.float32, attn_implementation="eager")
    other.load_state_dict(load(folder).state_dict(), strict=False)
    other.eval()
    difference = (record(other, ids, mask, False)["logits"] - logits)[mask.bool()].abs().max()
    assert difference > 1e-2, f"{folder.name}: {golden.must_matter} changes only {difference}"


def rewrite_config(folder, old):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config.pop("_name_or_path", None)
    if old:
        rope = config.pop("rope_parameters")
        config.update(rope_theta=rope["rope_theta"], rope_scaling=None,
                      torch_dtype=config.pop("dtype"), transformers_version="4.40.0")
    path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    (folder / "generation_config.json").unlink(missing_ok=True)


def write(name, golden):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    generator = torch.Generator().manual_seed(7)
    sequences = [torch.randint(0, golden.config.vocab_size, (length,), generator=generator).tolist()
                 for length in LENGTHS]
    # A seed with which no greedy token wins by a hair, so that rounding cannot turn it.
    for seed in range(50):
        model = transformers.AutoModelForCausalLM.from_config(golden.config)
        randomise(model, seed)
        model.to(getattr(torch, golden.dtype)).save_pretrained(
            folder, max_shard_size=golden.shard_size)
        model = load(folder)
        prompt, continued, margin = greedy(model, sequences[1])
        if margin > 1e-2:
            break
    else:
        raise AssertionError(f"{name}: no seed gives a clear continuation")
    tensors = {"greedy.input_ids": prompt, "greedy.output_ids": continued}
    for side in ("right", "left"):
        ids, mask = padded(sequences, side)
        # Not float64: transformers takes the softmax in float32, where the float64 mask of a row
        # that sees nothing (padding) overflows to NaN.
        model = load(folder)
        kept = record(model, ids, mask, golden.sublayers and side == "right")
        assert all(value[mask.bool()].isfinite().all() for value in kept.values()), name
        if side == "right":
            matters(folder, golden, ids, mask, kept["logits"])
        kept.update(input_ids=ids, attention_mask=mask)
        tensors.update({f"{side}.{key}": value for key, value in kept.items()})
    save_file(dict(sorted(tensors.items())), folder / "golden.safetensors")
    rewrite_config(folder, golden.old_config)
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert size <= 300_000, f"{name}: {size} bytes"
    print(f"{name:22} {size // 1000:4} KB  seed {seed}  margin {margin:.3f}")


def write_demo():
    """A whole model folder with random weights, for trying the command where nothing else is."""
    folder = HERE / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    vocab = write_tokenizer(folder)
    config = transformers.LlamaConfig(
        vocab_size=vocab, hidden_size=32, intermediate_size=64, num_hidden_layers=6,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
        tie_word_embeddings=True, bos_token_id=0, eos_token_id=1, pad_token_id=2)
    model = transformers.AutoModelForCausalLM.from_config(config)
    randomise(model, 1)
    model.save_pretrained(folder)
    rewrite_config(folder, False)
    write_demo_text(folder)


if __name__ == "__main__":
    check_versions()
    transformers.utils.logging.disable_progress_bar()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    for name in sys.argv[1:] or GOLDENS:
        write(name, GOLDENS[name])
    if not sys.argv[1:]:
        write_demo()
