"""Bars of tqdm from the steps that the command tells."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple

from tqdm import TqdmWarning

with warnings.catch_warnings():
    # Without widgets a notebook has plain bars, which will do.
    warnings.simplefilter("ignore", TqdmWarning)
    from tqdm.auto import tqdm


class Stage(NamedTuple):
    """How a stage of an experiment is shown."""

    title: str
    done: str = "done"
    """Field that counts what is done."""
    unit: str = "it"
    models: str = ""
    """Field that counts the models, or trainings, that came before."""


STAGES = {
    "downloading": Stage("downloading", done="bytes", unit="B"),
    "loading": Stage("loading", done="bytes", unit="B"),
    "hashing": Stage("hashing"),
    "measuring": Stage("measuring", done="sequences", unit="sequences"),
    "scoring": Stage("scoring"),
    "leaving_out": Stage("leaving layers out"),
    "evaluating": Stage("asking", models="models"),
    "continuing": Stage("continuing prompts"),
    "tuning": Stage("training", models="runs", unit="steps"),
    "healing": Stage("healing", models="models"),
    "distilling": Stage("distilling", models="models", unit="steps"),
    "exporting": Stage("writing", done="bytes", unit="B"),
}
"""By the command's names. What is missing has no length of its own, and leaves the bar as it is."""


class Bars:
    """One bar at a time, which leaves nothing behind."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None
        self._stage = ""
        self._title = ""

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._clear()

    def show(self, step: Mapping[str, Any]) -> None:
        """Shows a step."""
        name = step["stage"]
        stage = STAGES.get(name)
        if stage is None:
            return
        total, title, done = step.get("total"), _title(stage, step), _done(stage, step)
        if self._bar is None or self._stage != name:
            self._clear()
            is_bytes = stage.unit == "B"
            self._bar = tqdm(
                total=total, desc=title, unit=stage.unit, unit_scale=is_bytes, leave=False, dynamic_ncols=True
            )
            self._stage = name
            self._title = title
        if total != self._bar.total or done < self._bar.n:
            self._bar.reset(total=total)
        if title != self._title:
            self._bar.set_description(title)
            self._title = title
        self._bar.update(done - self._bar.n)

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _done(stage: Stage, step: Mapping[str, Any]) -> int:
    record = step.get("record")
    # A training tells the step that it has just made, counted from 0.
    return int(step.get(stage.done, 0)) if record is None else int(record["step"]) + 1


def _title(stage: Stage, step: Mapping[str, Any]) -> str:
    if stage.models and step["of"] != 1:
        return f"{stage.title} {step[stage.models] + 1} of {step['of']}"
    return str(step.get("file", stage.title))
