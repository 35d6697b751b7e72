"""Trains the study's 12-layer model of other training: a small Llama that was trained to do without layers.

    python layerdrop.py OUT [--minutes 25]

It reads the sources of Python's own standard library; two files of 20 are kept back for OUT/calibration.txt and OUT/held_out.txt. Every block is left out of a step with probability 0.2 (LayerDrop, arXiv 1909.11556), so that no block may rely on the one before it.
Atlas has as many layers and was trained without that. The tokenizer is a byte-level BPE of 4,096 tokens, made of the same text. A
training that was broken off goes on from OUT/training.pt. It needs torch, transformers and tokenizers.
"""

from __future__ import annotations

import argparse
import math
import sysconfig
import time
from pathlib import Path

import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

LAYERS, WIDTH, HEADS, INNER, VOCABULARY, CONTEXT = 12, 192, 6, 512, 4096, 256
DROPPED = 0.2
SEQUENCES = 8
RATE, WARM_UP = 2e-3, 100
SEED = 1


def texts(out: Path) -> Path:
    """Writes the texts, and gives back that to train on."""
    library = Path(sysconfig.get_paths()["stdlib"])
    aside = {"test", "tests", "idlelib", "site-packages", "dist-packages", "__pycache__"}
    files = [file for file in sorted(library.rglob("*.py")) if aside.isdisjoint(file.relative_to(library).parts)]
    sides: dict[str, list[str]] = {"training": [], "calibration": [], "held_out": []}
    for place, file in enumerate(files):
        side = {10: "calibration", 19: "held_out"}.get(place % 20, "training")
        sides[side].append(file.read_text(encoding="utf-8", errors="replace"))
    out.mkdir(parents=True, exist_ok=True)
    for side, contents in sides.items():
        (out / f"{side}.txt").write_text("\n".join(contents), encoding="utf-8")
    return out / "training.txt"


def tokenizer_of(text: Path, out: Path) -> PreTrainedTokenizerFast:
    """The tokenizer in `out`; made where it is missing."""
    if not (out / "tokenizer.json").exists():
        made = ByteLevelBPETokenizer()
        made.train([str(text)], vocab_size=VOCABULARY, min_frequency=2, special_tokens=["<|endoftext|>"], show_progress=False)
        made.save(str(out / "tokenizer.json"))
    return PreTrainedTokenizerFast(
        tokenizer_file=str(out / "tokenizer.json"), bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    )


def model_of() -> LlamaForCausalLM:
    """The model before any step."""
    torch.manual_seed(SEED)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
    )
    return LlamaForCausalLM(config)


def dropping(model: LlamaForCausalLM, random: torch.Generator) -> None:
    """From here on, each block of a training step gives back what it was given, with probability DROPPED."""
    for block in model.model.layers:
        whole = block.forward

        def forward(states: torch.Tensor, *given: object, whole: object = whole, **named: object) -> object:
            is_dropped = model.training and torch.rand((), generator=random).item() < DROPPED
            return states if is_dropped else whole(states, *given, **named)

        block.forward = forward


def main() -> None:
    """Trains for so many minutes, then writes the model as `transformers` does."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--minutes", type=float, default=25.0)
    given = arguments.parse_args()
    text = texts(given.out)
    tokenizer = tokenizer_of(text, given.out)
    ids = torch.tensor(tokenizer(text.read_text(encoding="utf-8")).input_ids)
    model, random = model_of(), torch.Generator().manual_seed(SEED)
    dropping(model, random)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.1)
    checkpoint = given.out / "training.pt"
    seconds, step = 0.0, 0
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        random.set_state(kept["random"])
        seconds, step = kept["seconds"], kept["step"]
    total = 60 * given.minutes
    model.train()
    while seconds < total:
        begun = time.monotonic()
        # Down to nothing along half a cosine of the time that there is.
        rate = RATE * min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * seconds / total))
        for group in optimizer.param_groups:
            group["lr"] = rate
        starts = torch.randint(len(ids) - CONTEXT, (SEQUENCES,), generator=random)
        batch = torch.stack([ids[start : start + CONTEXT] for start in starts.tolist()])
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        seconds += time.monotonic() - begun
        if step % 100 == 0:
            print(f"step {step}, {seconds:.0f} s, loss {loss.item():.3f}", flush=True)
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "random": random.get_state()}
            torch.save(state | {"seconds": seconds, "step": step}, checkpoint)
    model.save_pretrained(given.out)
    tokenizer.save_pretrained(given.out)
    checkpoint.unlink(missing_ok=True)
    print(f"{step} steps of {SEQUENCES * CONTEXT} tokens in {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
