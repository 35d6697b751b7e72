"""What a user would otherwise run: transformers on PyTorch, CPU, forward hooks under inference_mode.

The same weights, tokens, batches and statistics as crates/lab/examples/scoring_speed.rs; prints one
`name<TAB>value` a line. Needs torch and transformers (tests/goldens/requirements.txt).
"""

import argparse
import resource
import statistics
import time

import tokenizers
import torch
import transformers


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--device", default="cpu", help="ignored: always the CPU")
    parser.add_argument("--sequence-length", type=int, default=256)
    parser.add_argument("--max-sequences", type=int, default=16)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


def sequences(options):
    """BOS and a run of the text, again and again; equal lengths only, so that nothing is padded."""
    tokenizer = tokenizers.Tokenizer.from_file(f"{options.model}/tokenizer.json")
    frame = tokenizer.encode("").ids
    with open(options.text, encoding="utf-8") as file:
        ids = tokenizer.encode(file.read(), add_special_tokens=False).ids
    payload = options.sequence_length - len(frame)
    chunks = [frame + ids[i : i + payload] for i in range(0, len(ids), payload)]
    whole = [chunk for chunk in chunks if len(chunk) == options.sequence_length]
    return torch.tensor(whole[: options.max_sequences])


class Hooks:
    """Per layer: variance by two estimators, sparsity, kurtosis, maximum, histogram, cosine, angle."""

    def __init__(self, model):
        self.rows = []
        layers = next(
            module for module in model.modules() if isinstance(module, torch.nn.ModuleList)
        )
        self.handles = [layer.register_forward_hook(self.take) for layer in layers]

    def take(self, _module, inputs, output):
        before = inputs[0]
        after = output[0] if isinstance(output, tuple) else output
        rms = after.square().mean().sqrt()
        deviation = after - after.mean()
        magnitude = after.abs()
        cosine = torch.nn.functional.cosine_similarity(before, after, dim=-1)
        self.rows.append(
            (
                after.mean(1).var(1).mean().item(),
                deviation.square().mean().item(),
                (deviation.pow(4).mean() / deviation.square().mean().square()).item(),
                (magnitude < 0.05 * rms).float().mean().item(),
                magnitude.max().item(),
                torch.histc(magnitude.log2(), bins=512, min=-40, max=24).tolist(),
                (1 - cosine).mean().item(),
                cosine.clamp(-1, 1).arccos().mean().item(),
                ((after - before).norm(dim=-1) / after.norm(dim=-1)).mean().item(),
            )
        )

    def remove(self):
        for handle in self.handles:
            handle.remove()


def main():
    options = arguments()
    ids = sequences(options)
    model = transformers.AutoModel.from_pretrained(options.model, dtype=torch.float32).eval()

    def forward():
        with torch.inference_mode():
            for batch in ids.split(options.batch):
                model(batch, use_cache=False)

    seconds = {"PyTorch forward pass": [], "PyTorch with hooks": []}
    for turn in range(options.repeats + 1):
        for name, times in seconds.items():
            hooks = Hooks(model) if name.endswith("hooks") else None
            start = time.perf_counter()
            forward()
            elapsed = time.perf_counter() - start
            if hooks:
                hooks.remove()
            if turn:
                times.append(elapsed)
    for name, times in seconds.items():
        print(f"{name}\t{ids.numel() / statistics.median(times):.1f}")
    weights = sum(weight.numel() * 4 for weight in model.parameters())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"PyTorch peak memory over weights\t{peak / weights:.3f}")


if __name__ == "__main__":
    main()
