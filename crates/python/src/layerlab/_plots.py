"""Reports as axes of matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _rows
from ._needed import needed
from ._rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNITS = {
    "avss": "squared activations",
    "nav": "share of all layers' variance",
    "nas": "share of all layers' sparsity",
    "avss_normalised": "share of all layers' AVSS",
    "cavss_layer_order": "share of all layers' AVSS",
    "cavss_rank_order": "share of all layers' AVSS",
    "relative_avss": "ratio",
    "block_influence": "1 − cosine",
    "relative_magnitude": "ratio of norms",
    "angular_distance": "shares of π",
    "loss_change": "nats per token",
}
"""By the beginning of a method's identifier; the others have none."""


def scores(document: Row, ax: Axes | None, method: str | None) -> Axes:
    """The scores of one method, layer by layer."""
    found = {one["id"]: one for one in _rows.methods(document)}
    if not found:
        raise ValueError("the report has no scores")
    if method is None:
        method = "loss_change" if "loss_change" in found else next(iter(found))
    if method not in found:
        raise ValueError(f"the report has no scores by {method}; it has {', '.join(found)}")
    one = found[method]
    rows = [row for row in one["layers"] if row["value"] is not None]
    axes = _axes(ax)
    layers, values = [row["layer"] for row in rows], [row["value"] for row in rows]
    axes.bar(layers, values, color="#9fcbdf")
    axes.errorbar(layers, values, yerr=_whiskers(rows, "value"), fmt="none", ecolor="#1b2a33", capsize=2)
    axes.locator_params(axis="x", integer=True)
    axes.set_xlabel("layer")
    axes.set_ylabel(f"{one['label']} ({_unit(method)})" if _unit(method) else one["label"])
    return axes


def kept(document: Row, ax: Axes | None, metric: str, dataset: str | None) -> Axes:
    """What each plan keeps by one metric, as cut and healed, first plan on top."""
    rows = [row for row in _rows.kept(document) if row["metric"] == metric and row["kept"] is not None]
    dataset = dataset or next((row["dataset"] for row in rows), None)
    rows = [row for row in rows if row["dataset"] == dataset]
    if not rows:
        raise ValueError(f"the report has nothing that is kept by {metric}" + (f" on {dataset}" if dataset else ""))
    labels = _rows.labels(document)
    plans = list(dict.fromkeys(_plan(row, labels) for row in rows))
    ways = list(dict.fromkeys(row["healing"] for row in rows))
    axes = _axes(ax)
    for index, way in enumerate(ways):
        of_way = [row for row in rows if row["healing"] == way]
        aside = 0.6 * ((index + 0.5) / len(ways) - 0.5)
        places = [plans.index(_plan(row, labels)) + aside for row in of_way]
        shares = [_percent(row) for row in of_way]
        values = [row["kept"] for row in shares]
        axes.errorbar(values, places, xerr=_whiskers(shares, "kept"), fmt="o", capsize=2, label=_way(way))
    enough = _rows.keep(document)
    if enough is not None and metric == "perplexity":
        axes.axvline(100 * enough, color="#5c6f7b", linestyle="--", linewidth=1, label=f"to be kept: {100 * enough:g} %")
    axes.set_yticks(range(len(plans)), plans)
    axes.set_ylim(len(plans) - 0.5, -0.5)
    axes.set_xlabel(f"{metric.replace('_', ' ')} kept of the whole model's (%)\non {dataset}")
    axes.legend()
    return axes


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    pyplot = needed("matplotlib.pyplot", "plots")
    axes: Axes = pyplot.subplots(layout="constrained")[1]
    return axes


def _whiskers(rows: Sequence[Row], name: str) -> list[list[float]] | None:
    """How far intervals reach below and above the values. Where there is none they reach nowhere."""
    if all(row["low"] is None for row in rows):
        return None
    # A resampled interval need not hold the value that was measured.
    below = [max(row[name] - row["low"], 0.0) if row["low"] is not None else 0.0 for row in rows]
    above = [max(row["high"] - row[name], 0.0) if row["high"] is not None else 0.0 for row in rows]
    return [below, above]


def _percent(row: Row) -> Row:
    return {name: None if row[name] is None else 100 * row[name] for name in ("kept", "low", "high")}


def _unit(method: str) -> str | None:
    found: Any = UNITS.get(method)
    return found or next((unit for name, unit in UNITS.items() if method.startswith(name + "_")), None)


def _plan(row: Row, labels: dict[str, str]) -> str:
    if row["method"] is None:
        return "the other model"
    label = labels[row["method"]]
    return label if row["schedule"] == "one_shot" else f"{label} ({row['schedule'].replace('_', ' with ')})"


def _way(way: str | None) -> str:
    return {None: "compared", "none": "as cut"}.get(way, f"healed by {way}")
