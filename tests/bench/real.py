"""LayerLab beside its peers on models that somebody else made: writes docs/benchmarks-real.json and docs/benchmarks-real.md.

`cargo xtask bench --real` runs it. PyTorch and candle read SmolLM2-135M-Instruct as the lab does; llama.cpp (node-llama-cpp)
reads the same GGUF files. Programs take turns, each in a process of its own; a figure is the median of the rounds.
"""

import argparse
import json
import pathlib
import sys

from bench import HERE, ROOT, beside, figures, machine
from tables import GPU, cell, ratio, table

SCORING = "layerlab with statistics of the score's taps"
TARGETS = [
    ("scoring over PyTorch with hooks, tokens/s", "≥ 1", lambda f: ratio(f, SCORING, "PyTorch with hooks")),
    ("forward pass over candle, tokens/s", "≥ 1", lambda f: ratio(f, "layerlab forward pass", "candle forward pass")),
    ("distillation steps over PyTorch's", "≥ 1", lambda f: ratio(f, "layerlab distil steps", "PyTorch distil steps")),
    ("refitting the middle quarter, over three passes of the text", "≤ 1", lambda f: f["refit over three passes"]),
    ("peak memory over the weights, scoring", "", lambda f: f["layerlab peak memory over weights"]),
    ("block passes of 75 cuts over those of each alone", "≤ 0.5", lambda f: f["block passes of 75 cuts over those of each alone"]),
    ("generation, f16, tokens/s", "≥ 60", lambda f: f["layerlab generation"]),
]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--speed", required=True, help="crates/lab's example of that name")
    parser.add_argument("--candle", required=True, help="tests/bench/candle")
    parser.add_argument("--layerlab", required=True)
    parser.add_argument("--smollm2", required=True, type=pathlib.Path, help="the folder")
    parser.add_argument("--gguf", required=True, type=pathlib.Path, help="a folder with smollm2.gguf and qwen.gguf")
    parser.add_argument("--text", required=True)
    return parser.parse_args()


def main():
    options = arguments()
    common = ["--model", str(options.smollm2), "--text", options.text, "--repeats", "1", "--max-sequences", "4"]
    ours = ["--leave-one-out", "true", "--heal", "true", "--generate", "true", "--cuts", "75"]
    theirs = [sys.executable, str(HERE / "pytorch.py"), *common, "--heal", "true"]
    found = {"machine": machine()}
    programs = [[options.speed, *common, *ours], [options.candle, *common], theirs]
    found["SmolLM2-135M-Instruct, f16"] = beside(programs)
    # After each, since all together take long.
    write(found)
    for name in ["smollm2", "qwen"]:
        file = str(options.gguf / f"{name}.gguf")
        llama = ["node", str(HERE / "llama.mjs"), options.layerlab, options.speed, file, options.text]
        found[f"{name}.gguf"] = figures(llama)
        write(found)
    print(markdown(found))


def write(found):
    docs = ROOT / "docs"
    (docs / "benchmarks-real.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    (docs / "benchmarks-real.md").write_text(markdown(found))


def markdown(found):
    used = found["machine"]
    smollm2 = found["SmolLM2-135M-Instruct, f16"]
    parts = [
        "# Benchmarks on real models",
        "`PYTHON=path/to/python cargo xtask bench --real` wrote this file and `benchmarks-real.json` in one run; how each figure is taken "
        "stands in `tests/bench`. Passes are of sequences of 256 tokens in batches of 4.",
        f"{used['processor']}, {used['threads']} threads, {used['system']}; {GPU}. Load of the machine at the start: {used['load']:.1f}.",
        "## SmolLM2-135M-Instruct (f16) beside PyTorch and candle",
        table(["quantity", "target", "found"], [[name, target, cell(value(smollm2))] for name, target, value in TARGETS]),
    ]
    for model, values in found.items():
        if model != "machine":
            parts += [f"## {model}: all figures", table(["figure", "value"], [[name, cell(value)] for name, value in sorted(values.items())])]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
