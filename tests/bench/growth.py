"""How the cost of a token grows with layers, width, tokens and model size."""

# Layers, width, tokens of a sequence.
AXES = {
    "layers": [(layers, 256, 256) for layers in (3, 6, 12, 24)],
    "width": [(6, width, 256) for width in (128, 256, 512, 1024)],
    "tokens": [(6, 256, tokens) for tokens in (64, 128, 256, 512)],
    "size": [(3, 128, 256), (6, 256, 256), (12, 512, 256), (16, 768, 256)],
}


def measure(options, text, random_model, figures):
    """Microseconds a token of the bare pass and with statistics of one tap, by axis."""
    found = {}
    for axis, sizes in AXES.items():
        rows = []
        for layers, width, tokens in sizes:
            model = random_model(options, f"grown-{layers}-{width}", layers, width)
            speeds = figures(
                [options.speed, "--model", str(model), "--text", str(text), "--repeats", "2"]
                + ["--sequence-length", str(tokens), "--max-sequences", str(2048 // tokens)]
            )
            cost = {name: 1e6 / speeds[f"layerlab {name}"] for name in ["forward pass", "with statistics of one tap"]}
            rows.append({"layers": layers, "width": width, "tokens": tokens, **cost})
        found[axis] = rows
    return found
