"""How cost grows with layers, width, tokens of a sequence, vocabulary, cuts, and the model as a whole."""

import math

# Layers, width, tokens of a sequence, vocabulary, cuts that are judged.
AXES = {
    "layers": [(layers, 256, 256, 16384, 8) for layers in (3, 6, 12, 24)],
    "width": [(6, width, 256, 16384, 8) for width in (128, 256, 512, 1024)],
    "tokens": [(6, 256, tokens, 16384, 8) for tokens in (64, 128, 256, 512)],
    "vocabulary": [(6, 256, 256, vocabulary, 8) for vocabulary in (16384, 32768, 65536, 131072)],
    "cuts": [(12, 256, 256, 16384, cuts) for cuts in (4, 8, 16, 32)],
    "size": [(3, 128, 256, 16384, 8), (6, 256, 256, 16384, 8), (12, 512, 256, 16384, 8), (16, 768, 256, 16384, 8)],
}
NAMES = ["layers", "width", "tokens", "vocabulary", "cuts"]
FORWARD, ONE_TAP, LOSS = "forward pass", "with statistics of one tap", "pass to the loss"


def measure(options, text, random_model, figures):
    """Microseconds a token of passes, and seconds of judging cuts, by axis; with the exponent of each, fitted."""
    found = {}
    for axis, sizes in AXES.items():
        rows = []
        for layers, width, tokens, vocabulary, cuts in sizes:
            model = random_model(options, f"grown-{layers}-{width}-{vocabulary}", layers, width, vocabulary)
            speeds = figures(
                [options.speed, "--model", str(model), "--text", str(text), "--repeats", "2", "--cuts", str(cuts)]
                + ["--sequence-length", str(tokens), "--max-sequences", str(2048 // tokens)]
            )
            cost = {name: 1e6 / speeds[f"layerlab {name}"] for name in [FORWARD, ONE_TAP, LOSS]}
            cost["judging the cuts, s"] = speeds[f"layerlab judging {cuts} cuts, seconds"]
            rows.append(dict(zip(NAMES, (layers, width, tokens, vocabulary, cuts))) | cost)
        found[axis] = {"rows": rows, "exponents": exponents(axis, rows)}
    return found


def exponents(axis, rows):
    """The slope of each cost over the axis, both as logarithms, by least squares; none where several things grow at once."""
    if axis not in NAMES:
        return {}
    xs = [math.log(row[axis]) for row in rows]
    return {name: slope(xs, [math.log(row[name]) for row in rows]) for name in rows[0] if name not in NAMES}


def slope(xs, ys):
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / sum((x - mean_x) ** 2 for x in xs)
