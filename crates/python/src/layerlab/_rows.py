"""Figures of a report as rows, one dictionary each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Row = dict[str, Any]

KEPT = (
    "method", "schedule", "healing", "removed", "dataset", "metric", "value", "kept", "low", "high", "p_adjusted",
    "significant", "rough",
)  # fmt: skip
CUTS = ("method", "schedule", "healing", "layers", "is_whole_plan", "kept", "low", "high")


def methods(document: Row) -> list[Row]:
    """Every layer by every method; nothing where layers were not scored."""
    scoring = document.get("scoring")
    return list(scoring["scores"]["methods"]) if scoring else []


def kept(document: Row) -> Iterator[Row]:
    """What is kept of the whole model: a row for each plan, way of healing, dataset and metric.

    Of two models that were compared there is one row for each dataset and metric, without a plan. Quantized models have
    who decided on their bits as their method: `Q5_0` where that is the type of every layer, else `measured`, `ends` and so on.
    """
    for plan in _of(document, "plans"):
        removed = set(plan["removed"])
        for way, outcome in _outcomes(document):
            if set(outcome["removed"]) == removed:
                named = {"method": plan["method"], "schedule": plan["schedule"], "healing": way, "removed": plan["removed"]}
                yield from _compared(named, outcome["compared"], outcome["tasks"])
    for model in (document.get("quantization") or {}).get("models", ()):
        uniform = model["allocation"] == "uniform"
        named = {"method": model["types"][0] if uniform else model["allocation"]}
        yield from _compared(named, model["compared"], model["tasks"])
    comparison = document.get("comparison")
    if comparison:
        yield from _compared({}, comparison["compared"], comparison["evaluation"])


def cuts(document: Row) -> Iterator[Row]:
    """The most layers that can go by each plan and way of healing while enough is kept."""
    healing = _healing(document)
    for cut in healing["cuts"] if healing else ():
        interval = {"kept": cut["retained"], "low": cut["retained_low"], "high": cut["retained_high"]}
        yield {name: {**cut, **interval}[name] for name in CUTS}


def sensitivity(document: Row) -> list[Row]:
    """By how much the loss changes with each layer alone in few bits, first layer first; nothing where that was not measured."""
    found = document.get("quantization")
    return list(found["sensitivity"]) if found else []


def labels(document: Row) -> dict[str, str]:
    """What people call the methods, by their identifiers."""
    plans = {plan["method"]: plan["label"] for plan in _of(document, "plans")}
    return {**plans, **{method["id"]: method["label"] for method in methods(document)}}


def keep(document: Row) -> float | None:
    """The share of perplexity that the largest cut is to keep; none where no cut was looked for, or it is of a task."""
    healing = _healing(document)
    request = healing["request"] if healing else {}
    return None if request.get("keep_of") else request.get("keep")


def _outcomes(document: Row) -> Iterator[tuple[str, Row]]:
    for outcome in _of(document, "outcomes"):
        yield "none", outcome
    healing = _healing(document)
    for outcome in healing["outcomes"] if healing else ():
        yield outcome["record"]["way"], outcome


def _compared(named: Row, compared: list[Row], tasks: list[Row]) -> Iterator[Row]:
    values = {(task["dataset"], metric["metric"]): metric["value"] for task in tasks for metric in task["metrics"]}
    for one in compared:
        test = one.get("significance") or {}
        row = {
            **named,
            "dataset": one["dataset"],
            "metric": one["metric"],
            "value": values.get((one["dataset"], one["metric"])),
            "kept": one["retained"],
            "low": one["retained_low"],
            "high": one["retained_high"],
            "p_adjusted": test.get("p_adjusted"),
            "significant": test.get("significant"),
            "rough": one["rough"],
        }
        yield {name: row.get(name) for name in KEPT}


def _of(document: Row, name: str) -> list[Row]:
    pruning = document.get("pruning")
    return list(pruning[name]) if pruning else []


def _healing(document: Row) -> Row | None:
    pruning = document.get("pruning")
    healing: Row | None = pruning.get("healing") if pruning else None
    return healing
