#!/usr/bin/env python3
"""Writes gguf/family_*.gguf: tiny models of every architecture that is read, with llama.cpp's names, orders and keys, and
gguf/families.safetensors: the logits that transformers has for the same weights.

What llama.cpp takes for granted, and a file therefore cannot say, is set to that: which layers slide or turn, and what scores
are divided by.
"""

import copy
import pathlib
import tempfile

import gguf
import numpy as np
import torch
import transformers
from safetensors.numpy import load_file, save_file

from families import FULL, GOLDENS, SLIDING, two_ropes
from make import LENGTHS, randomise
from make_gguf import ARCHITECTURES, BLOCKS, LLAMA, SHARED, add_tokens, by_neighbours, thirds, write
from record import padded, record

HERE = pathlib.Path(__file__).parent
NORMS_AROUND = {**LLAMA, "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
                "post_feedforward_layernorm": "post_ffw_norm"}
BY_MODEL = {
    "gemma2": NORMS_AROUND, "gemma3_text": NORMS_AROUND, "olmo2": NORMS_AROUND,
    "phi": {**LLAMA, "self_attn.dense": "attn_output", "mlp.fc1": "ffn_up", "mlp.fc2": "ffn_down"},
    "phi3": {**LLAMA, "self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"},
    "starcoder2": {**LLAMA, "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"},
}
ARCHITECTURE = {**ARCHITECTURES, "gemma2": "gemma2", "gemma3_text": "gemma3", "granite": "granite", "olmo2": "olmo2",
                "phi": "phi2", "phi3": "phi3", "smollm3": "smollm3", "starcoder2": "starcoder2"}
# What differs from the golden of that name.
CHANGES = {
    "llama": {}, "qwen2": {}, "qwen3": {}, "gpt2": {}, "gpt_neox": {}, "stablelm": {}, "granite": {}, "olmo2": {}, "phi": {},
    "phi3": {}, "phi3_longrope": {},
    "gemma2": dict(query_pre_attn_scalar=8),
    "gemma3": dict(query_pre_attn_scalar=8, num_hidden_layers=6, layer_types=[SLIDING] * 5 + [FULL], **two_ropes()),
    "smollm3": dict(num_hidden_layers=4, no_rope_layers=[1, 1, 1, 0], layer_types=[FULL] * 4, use_sliding_window=False,
                    sliding_window=None),
    "starcoder2": dict(sliding_window=None),
}


def new_name(name, kind):
    stem, end = name.rsplit(".", 1)
    if stem == "model.final_layernorm":
        return f"output_norm.{end}"
    if stem in SHARED:
        return f"{SHARED[stem]}.{end}"
    for start, names in BLOCKS.items():
        if stem.startswith(start):
            layer, within = stem[len(start):].split(".", 1)
            return f"blk.{layer}.{BY_MODEL.get(kind, names)[within]}.{end}"
    raise KeyError(name)


def converted(name, data, config):
    """A tensor as llama.cpp's converter writes it."""
    kind = config.model_type
    heads = config.num_attention_heads
    if kind in ("llama", "granite", "smollm3"):
        if ".q_proj." in name:
            data = by_neighbours(data, heads)
        if ".k_proj." in name:
            data = by_neighbours(data, config.num_key_value_heads)
    if kind == "gpt_neox" and ".query_key_value." in name:
        data = thirds(data, heads)
    if kind == "gpt2" and data.ndim == 2 and (".attn.c_" in name or ".mlp.c_" in name):
        data = data.T.copy()
    if kind.startswith("gemma") and "norm" in name:
        data = data + np.float32(1)
    return data


def add_metadata(writer, config):
    said = config.to_dict()
    take = lambda *names: next((said[name] for name in names if said.get(name) is not None), None)
    hidden, heads = take("hidden_size", "n_embd"), take("num_attention_heads", "n_head")
    head_dim = take("head_dim") or hidden // heads
    writer.add_context_length(take("max_position_embeddings", "n_positions"))
    writer.add_embedding_length(hidden)
    writer.add_block_count(take("num_hidden_layers", "n_layer"))
    writer.add_feed_forward_length(take("intermediate_size", "n_inner") or 4 * hidden)
    writer.add_head_count(heads)
    writer.add_head_count_kv(take("num_key_value_heads") or heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    if take("rms_norm_eps") is not None:
        writer.add_layer_norm_rms_eps(take("rms_norm_eps"))
    else:
        writer.add_layer_norm_eps(take("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"))
    rope = take("rope_parameters")
    if rope and FULL in rope:
        writer.add_float32(f"{writer.arch}.rope.freq_base_swa", rope[SLIDING]["rope_theta"])
        rope = rope[FULL]
    if rope:
        writer.add_rope_freq_base(rope["rope_theta"])
        writer.add_rope_dimension_count(int(head_dim * (rope.get("partial_rotary_factor") or 1)))
        if rope["rope_type"] == "linear":
            writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(rope["factor"])
        if rope["rope_type"] == "longrope":
            writer.add_rope_scaling_orig_ctx_len(take("original_max_position_embeddings"))
            for length in ("short", "long"):
                factors = np.array(rope[f"{length}_factor"], dtype=np.float32)
                writer.add_tensor(f"rope_factors_{length}.weight", factors)
    if "use_parallel_residual" in said:
        writer.add_parallel_residual(said["use_parallel_residual"])
    # A window that a model of this family was not trained with is not written.
    if take("sliding_window") and config.model_type in ("gemma2", "gemma3_text", "phi3"):
        writer.add_sliding_window(take("sliding_window"))
    if take("attn_logit_softcapping"):
        writer.add_attn_logit_softcapping(take("attn_logit_softcapping"))
    if take("final_logit_softcapping"):
        writer.add_final_logit_softcapping(take("final_logit_softcapping"))
    if config.model_type == "granite":
        writer.add_attention_scale(take("attention_multiplier"))
        writer.add_embedding_scale(take("embedding_multiplier"))
        writer.add_residual_scale(take("residual_multiplier"))
        writer.add_logit_scale(take("logits_scaling"))
    add_tokens(writer, take("vocab_size"))


def write_family(name, changes):
    """The file; gives the logits."""
    config = copy.deepcopy(GOLDENS[name].config)
    for field, value in changes.items():
        setattr(config, field, value)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    randomise(model, 3)
    generator = torch.Generator().manual_seed(7)
    sequences = [torch.randint(0, config.vocab_size, (length,), generator=generator).tolist() for length in LENGTHS]
    ids, mask = padded(sequences, "right")
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tensors = load_file(pathlib.Path(folder) / "model.safetensors")
    writer = gguf.GGUFWriter(HERE / "gguf" / f"family_{name}.gguf", ARCHITECTURE[config.model_type])
    add_metadata(writer, config)
    for tensor, data in tensors.items():
        writer.add_tensor(new_name(tensor, config.model_type), converted(tensor, data, config))
    write(writer)
    logits = record(model.double(), ids, mask, False)["logits"].float().numpy()
    return {f"{name}.logits": logits, "input_ids": ids.numpy(), "attention_mask": mask.numpy()}


if __name__ == "__main__":
    transformers.utils.logging.disable_progress_bar()
    recorded = {}
    for name, changes in CHANGES.items():
        recorded.update(write_family(name, changes))
    save_file(recorded, HERE / "gguf" / "families.safetensors")
