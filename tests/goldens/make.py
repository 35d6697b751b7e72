#!/usr/bin/env python3
"""Writes the goldens beside this file: tiny random-weight checkpoints of every family, and what
transformers computes with them on the CPU. See README.md.

    python make.py            all of them
    python make.py llama gpt2 only these
"""

import importlib.metadata
import json
import os
import pathlib
import shutil
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file

import guards
from families import GOLDENS
from record import greedy, padded, record
from text import write_byte_level, write_demo_text, write_metaspace, write_split_byte_level

HERE = pathlib.Path(__file__).parent
LENGTHS = [12, 8, 5]
LARGEST = 300_000


def check_versions():
    for line in (HERE / "requirements.txt").read_text().split():
        name, pinned = line.split("==")
        found = importlib.metadata.version(name).split("+")[0]
        assert found == pinned, f"{name}: pinned {pinned}, found {found}"


def randomise(model, seed):
    """Every parameter, biases and norms too: what a fresh model leaves at 0 or 1 hides mistakes."""
    torch.manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape)
        if guards.is_norm(name):
            parameter.data = guards.neutral_norm(model) + 0.2 * noise
        elif parameter.dim() == 1:
            parameter.data = 0.2 * noise
        else:
            parameter.data = 0.25 * noise
    model.tie_weights()


def load(folder):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager")
    return model.eval()


def rewrite_config(folder, old):
    """Sorted; and with `old`, in the manner of transformers 4."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    if old is not None:
        rope = config.pop("rope_parameters", None)
        if rope and "rope_theta" in rope and "rotary_emb_base" not in old:
            config.update(rope_theta=rope["rope_theta"], rope_scaling=None)
        config.update(torch_dtype=config.pop("dtype"), transformers_version="4.40.0")
        config.pop("head_dim", None)
        config.update(old)
        for name in [name for name, value in old.items() if value is None]:
            del config[name]
    path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    (folder / "generation_config.json").unlink(missing_ok=True)


def rename_as_bare(folder, config):
    """As openai-community/gpt2: no prefix, and the causal masks among the weights."""
    path = folder / "model.safetensors"
    tensors = {name.removeprefix("transformer."): value for name, value in load_file(path).items()}
    size = config.n_positions
    for i in range(config.n_layer):
        tensors[f"h.{i}.attn.bias"] = torch.ones(1, 1, size, size).tril()
    save_file(tensors, path, metadata=dict(format="pt"))


def write_checkpoint(folder, golden, seed):
    shutil.rmtree(folder, ignore_errors=True)
    model = transformers.AutoModelForCausalLM.from_config(golden.config)
    randomise(model, seed)
    model.to(getattr(torch, golden.dtype)).save_pretrained(
        folder, max_shard_size=golden.shard_size)
    fields = guards.fields_of(folder)
    rewrite_config(folder, golden.old_config)
    if golden.bare:
        rename_as_bare(folder, golden.config)
    return fields


def write(name, golden):
    folder = HERE / name
    generator = torch.Generator().manual_seed(7)
    sequences = [torch.randint(0, golden.config.vocab_size, (length,), generator=generator).tolist()
                 for length in LENGTHS]
    # A seed with which no greedy token wins by a hair, so that rounding cannot turn it.
    for seed in range(50):
        fields = write_checkpoint(folder, golden, seed)
        # The second sequence, so that the one with dynamic scaling grows past its context.
        prompt, continued, margin = greedy(load(folder), sequences[1])
        if margin > 1e-2:
            break
    else:
        raise AssertionError(f"{name}: no seed gives a clear continuation")

    tensors = {"greedy.input_ids": prompt, "greedy.output_ids": continued}
    worst = 0.0
    for side in ("right", "left"):
        ids, mask = padded(sequences, side)
        sublayers = golden.sublayers and side == "right"
        # Loaded anew each time, since a rotary embedding that scales dynamically has a state.
        kept = record(load(folder).double(), ids, mask, sublayers)
        worst = max(worst, guards.float32_agrees(load(folder), kept, ids, mask, sublayers))
        if side == "right":
            model, logits = load(folder), kept["logits"]
            guards.every_change_matters(model, fields, golden.must_matter, ids, mask, logits)
            guards.every_parameter_matters(model.double(), ids, mask, logits, golden.idle)
        tensors.update({f"{side}.{key}": value.float().contiguous() for key, value in kept.items()})
        tensors.update({f"{side}.input_ids": ids, f"{side}.attention_mask": mask})
    save_file(dict(sorted(tensors.items())), folder / "golden.safetensors")

    shards = len(list(folder.glob("model*.safetensors")))
    assert golden.shard_size == "5GB" or shards >= 3, f"{name}: {shards} shards"
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert size <= LARGEST, f"{name}: {size} bytes"
    print(f"{name:22} {size // 1000:4} KB  seed {seed}  margin {margin:.3f}  "
          f"float32 off by {worst:.1e}")


def write_demo():
    """A whole model folder with random weights, for trying the command where nothing else is."""
    folder = HERE / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    vocab = write_byte_level(folder)
    config = transformers.LlamaConfig(
        vocab_size=vocab, hidden_size=32, intermediate_size=64, num_hidden_layers=6,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
        tie_word_embeddings=True, bos_token_id=0, eos_token_id=1, pad_token_id=2)
    model = transformers.AutoModelForCausalLM.from_config(config)
    randomise(model, 1)
    model.save_pretrained(folder)
    rewrite_config(folder, None)
    write_demo_text(folder)


def write_tokenizers():
    for name, write_tokenizer in [("tokenizer_bytelevel", write_split_byte_level),
                                  ("tokenizer_metaspace", write_metaspace)]:
        shutil.rmtree(HERE / name, ignore_errors=True)
        write_tokenizer(HERE / name)


if __name__ == "__main__":
    check_versions()
    transformers.utils.logging.disable_progress_bar()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    for name in sys.argv[1:] or GOLDENS:
        write(name, GOLDENS[name])
    if not sys.argv[1:]:
        write_demo()
        write_tokenizers()
    for path in HERE.glob("*/*.safetensors"):
        path.chmod(0o644)
