"""LayerLab beside its peers in one run: writes docs/benchmarks.json and docs/benchmarks.md. `cargo xtask bench` runs it.

Programs take turns over several rounds, each in a process of its own with the same weights, tokens, batches and threads;
a figure is the median of the rounds. Needs requirements.txt beside it, node and Chromium.
"""

import argparse
import collections
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

import growth
import tables

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
ROUNDS = 2
THREADS = os.cpu_count()


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--speed", required=True, help="crates/lab's example of that name")
    parser.add_argument("--candle", required=True, help="tests/bench/candle")
    parser.add_argument("--layerlab", required=True)
    parser.add_argument("--named", required=True, type=pathlib.Path, help="the lab as WebAssembly, with names")
    parser.add_argument("--work", required=True, type=pathlib.Path, help="models and texts that are kept")
    parser.add_argument("--texts", required=True, type=pathlib.Path, help="what `layerlab-atlas write` wrote")
    return parser.parse_args()


def figures(command, environment=None):
    """Names and values that a program prints, one a line."""
    print("==", pathlib.Path(command[0]).name, *command[1:3], file=sys.stderr, flush=True)
    environment = {**os.environ, **(environment or {})}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    lines = (line.split("\t") for line in done.stdout.splitlines() if "\t" in line)
    return {name: float(value) for name, value in lines}


def beside_peers(options, model, text, more):
    """Medians of all programs over the rounds."""
    common = ["--model", str(model), "--text", str(text), *more]
    ours = [options.speed, *common, "--leave-one-out", "true", "--repair", "true", "--heal", "true", "--generate", "true"]
    theirs = [sys.executable, str(HERE / "pytorch.py"), *common, "--repair", "true", "--heal", "true"]
    return beside([ours, [options.candle, *common], theirs])


def beside(programs):
    """Medians of what programs print, over rounds in which they take turns."""
    gathered = collections.defaultdict(list)
    for _ in range(ROUNDS):
        for program in programs:
            for name, value in figures(program).items():
                gathered[name].append(value)
    return {name: statistics.median(values) for name, values in gathered.items()}


def random_model(options, name, *shape):
    folder = options.work / name
    if not (folder / "model.safetensors").exists():
        subprocess.run([sys.executable, str(HERE / "random_model.py"), str(folder), *map(str, shape)], check=True)
    return folder


def page(options):
    """The page beside onnxruntime-web, in the same browser."""
    folder = options.work / "onnx"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "atlas.onnx").exists():
        export = [sys.executable, str(HERE / "onnx_export.py"), str(ROOT / "crates/atlas/model"), str(folder / "atlas.onnx")]
        subprocess.run(export, check=True)
    if not (folder / "node_modules").exists():
        (folder / "package.json").write_text("{}")
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "onnxruntime-web@1.30.0"], check=True, cwd=folder)
    speeds = figures(["node", str(HERE / "page_speed.mjs"), str(folder)], {"LAYERLAB": options.layerlab})
    return speeds | figures(["node", str(HERE / "page_memory.mjs"), str(random_model(options, "large"))])


def software_gpu(options, model, text):
    """Passes on native wgpu, which the processor imitates: few tokens, since it is slow."""
    few = ["--sequence-length", "64", "--max-sequences", "2", "--batch", "2", "--repeats", "5"]
    return figures([options.speed, "--device", "gpu", "--model", str(model), "--text", str(text), *few])


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.processor())
    return {"processor": model, "threads": THREADS, "system": platform.platform(), "load": os.getloadavg()[0]}


def main():
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    text = options.texts / "calibration.txt"
    found = {
        "machine": machine(),
        "page": page(options),
        "atlas": beside_peers(options, ROOT / "crates/atlas/model", text, ["--repeats", "7"]),
        "large": beside_peers(options, random_model(options, "large"), text, ["--repeats", "1", "--max-sequences", "4"]),
        "gpu": software_gpu(options, ROOT / "crates/atlas/model", text),
        "profile": figures(["node", str(HERE / "page_profile.mjs"), str(options.named)]),
        "growth": growth.measure(options, text, random_model, figures),
    }
    docs = ROOT / "docs"
    docs.mkdir(exist_ok=True)
    (docs / "benchmarks.json").write_text(json.dumps(found, indent=2) + "\n")
    (docs / "benchmarks.md").write_text(tables.markdown(found))
    print(tables.markdown(found))


if __name__ == "__main__":
    main()
