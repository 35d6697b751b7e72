"""The figures of a run as Markdown."""

GPU = "no GPU was at hand"
# Of both models.
LAYERS = 12
LEFT_OUT = "leaving out each of L layers and none, over L + 1 passes"


def ratio(figures, ours, theirs):
    return figures[ours] / figures[theirs]


def targets(found):
    """Quantity, target, and what was measured on Atlas and on the large model; None where it was not."""
    atlas, large, page = found["atlas"], found["large"], found["page"]

    def both(value):
        return [value(atlas), value(large)]

    forward, one_tap = "layerlab forward pass", "layerlab with statistics of one tap"
    scoring = "layerlab with statistics of the score's taps"
    return [
        ("scoring pass with all statistics at one tap, over the bare forward pass", "≤ 1.05", both(lambda f: ratio(f, forward, one_tap))),
        ("the same on native wgpu, imitated by the processor", "≤ 1.05", [ratio(found["gpu"], forward, one_tap), None]),
        ("scoring on the CPU, tokens/s, over PyTorch with hooks", "≥ 1", both(lambda f: ratio(f, scoring, "PyTorch with hooks"))),
        ("the same over the AVSS authors' way", "≥ 3", both(lambda f: ratio(f, scoring, "PyTorch, the AVSS authors' way"))),
        ("forward pass on the CPU over candle", "≥ 1", both(lambda f: ratio(f, forward, "candle forward pass"))),
        ("forward pass on the CPU over PyTorch", "", both(lambda f: ratio(f, forward, "PyTorch forward pass"))),
        ("leaving out each of L layers and none, over L full passes", "≤ 0.55", both(lambda f: f[LEFT_OUT] * (LAYERS + 1) / LAYERS)),
        ("the same over L + 1 full passes, which is as many as it stands for", "", both(lambda f: f[LEFT_OUT])),
        ("repair steps over PyTorch's", "≥ 0.7", both(lambda f: ratio(f, "layerlab repair steps", "PyTorch repair steps"))),
        ("distillation steps over PyTorch's", "≥ 1", both(lambda f: ratio(f, "layerlab distil steps", "PyTorch distil steps"))),
        ("refitting the middle quarter, over three passes of the text", "≤ 1", both(lambda f: f["refit over three passes"])),
        ("peak memory over the weights, refitting", "", both(lambda f: f["refit peak memory over weights"])),
        ("peak memory over the weights, scoring", "≤ 1.3", both(lambda f: f["layerlab peak memory over weights"])),
        ("page, CPU path, over the command with one thread", "≥ 0.5", [page["page, CPU"] / page["command, 1 thread"], None]),
        ("the same, both with all of the processor's threads", "", [page["page, CPU"] / page["command, 2 threads"], None]),
        ("the same, both with one", "", [page["page, CPU, 1 worker"] / page["command, 1 thread"], None]),
        ("page, CPU path, one worker, over onnxruntime-web wasm", "≥ 1", [page["page, CPU, 1 worker"] / page["onnxruntime-web, wasm, 1 thread"], None]),
        ("page's wasm memory, GPU path, MB; largest tensor {:.0f} MB and 64".format(page["its largest tensor, MB"]), "≤ {:.0f}".format(page["its largest tensor, MB"] + 64), [None, page["wasm memory, large model on the GPU's path, MB"]]),
        ("page to first scores of Atlas, CPU path, seconds", "≤ 3", [page["first scores, CPU, seconds"], None]),
        ("page to first scores of Atlas, software GPU, seconds", "≤ 15", [page["first scores, WebGPU on the processor, seconds"], None]),
    ]


def cell(value):
    return "" if value is None else f"{value:.3g}"


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def markdown(found):
    machine = found["machine"]
    rows = [[name, target, *map(cell, values)] for name, target, values in targets(found)]
    figures = [
        [name, *(cell(found[model].get(name)) for model in ["atlas", "large"])]
        for name in sorted(found["atlas"] | found["large"])
    ]
    page = [[name, cell(value)] for name, value in found["page"].items()]
    parts = [
        "# Benchmarks",
        "`PYTHON=path/to/python cargo xtask bench` wrote this file and `benchmarks.json` in one run; how each figure is taken "
        "stands in `tests/bench`. Atlas has 2.4 million parameters; the large model is a random Llama of 126 million "
        "(12 layers, 768 channels, 503 MB). Passes are of sequences of 256 tokens in batches of 4.",
        f"{machine['processor']}, {machine['threads']} threads, {machine['system']}; {GPU}. "
        f"Load of the machine at the start: {machine['load']:.1f}.",
        "## Targets",
        table(["quantity", "target", "Atlas", "large model"], rows),
        "## Figures",
        "Tokens per second where a name does not say otherwise; repair and distillation in steps per second.",
        table(["figure", "Atlas", "large model"], figures),
        "## The page",
        table(["figure", "value"], page),
        "## Where the page's time goes",
        "Shares of scoring Atlas on the CPU's path by one worker, with the loss without each layer, by function of the module "
        "(`tests/bench/page_profile.mjs`).",
        table(["function", "share"], [[f"`{name}`", f"{value:.1%}"] for name, value in found["profile"].items() if value >= 0.005]),
        "## Growth",
        "Microseconds a token on the CPU, of random Llamas, and seconds of judging cuts by perplexity on four windows.",
    ]
    for axis, grown in found["growth"].items():
        rows, exponents = grown["rows"], grown["exponents"]
        names = list(rows[0])
        cells = [[cell(row[name]) for name in names] for row in rows]
        if exponents:
            cells.append([f"{exponents[name]:.2f}" if name in exponents else "" for name in names])
        parts += [f"By {axis}; the last line is the exponent, where one thing grows:" if exponents else f"By {axis}:", table(names, cells)]
    return "\n\n".join(parts) + "\n"
