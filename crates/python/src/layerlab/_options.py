"""The options of each command as keywords, by the command's names with `_` for `-`.

What an option means, `layerlab COMMAND --help` says. What is left out, or None, has the command's own default.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypedDict

from ._inputs import ModelLike, Saved, TextLike
from ._kinds import Kind

Flag = Annotated[bool | None, Kind.FLAG]
Integer = Annotated[int | None, Kind.VALUE]
Number = Annotated[float | None, Kind.VALUE]
Word = Annotated[str | None, Kind.VALUE]
Words = Annotated[str | Iterable[str] | None, Kind.COMMAS]
File = Annotated[str | os.PathLike[str] | None, Kind.VALUE]
Files = Annotated[str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None, Kind.REPEATED]
Model = Annotated[ModelLike, Kind.MODEL]
Text = Annotated[TextLike | None, Kind.TEXT]
Texts = Annotated[TextLike | Iterable[TextLike] | None, Kind.TEXTS]
Share = Annotated[float | str | None, Kind.VALUE]
"""0.25 or "25%"."""
Epsilon = Annotated[float | str | None, Kind.VALUE]
"""1e-5, or "rel:0.05"."""
Layers = Annotated[int | str | Iterable[int | str] | None, Kind.COMMAS]
"""[0, 1, 10, 11, 12], range(3) or "0,1,10-12"."""
Fields = Annotated[str | Mapping[str, str | Iterable[str]] | None, Kind.COMMAS]
"""{"question": "q", "wrong": ["bad1", "bad2"]}, or "question=q,wrong=bad1+bad2"."""

Way = Literal["none", "scale", "refit", "distil", "refit+distil"]
Schedule = Literal["one-shot", "iterative", "iterative-scale", "iterative-refit"]
Estimator = Annotated[Literal["pooled", "element", "channel"] | None, Kind.VALUE]
Tap = Literal["input", "output", "update", "attention", "mlp", "neurons"]
OneTap = Annotated[Tap | None, Kind.VALUE]


class Common(TypedDict, total=False):
    quiet: bool | None
    """No bars and no warnings; errors still."""
    device: Annotated[Literal["auto", "gpu", "cpu"] | None, Kind.VALUE]
    weights: Annotated[Literal["stored", "f32"] | None, Kind.VALUE]


class OneModel(Common, total=False):
    model: Model
    tokenizer: Saved | None
    """Of a model in memory."""


class Scoring(TypedDict, total=False):
    recipe: Annotated[Literal["layerlab", "authors"] | None, Kind.VALUE]
    estimator: Estimator
    epsilon: Epsilon
    tap: OneTap
    on: Files
    on_fields: Fields


class Intervals(TypedDict, total=False):
    resamples: Integer
    confidence: Number
    seed: Integer


class Cut(TypedDict, total=False):
    sequence_length: Integer
    max_sequences: Integer
    batch: Integer


class Budget(TypedDict, total=False):
    remove: Integer
    share: Share
    tolerance: Share
    protect: Layers
    always_remove: Layers


class Distil(TypedDict, total=False):
    heal_text: Annotated[Literal["calibration", "self"] | None, Kind.VALUE]
    distil_steps: Integer
    distil_sequences: Integer
    distil_rank: Integer
    distil_rate: Number


class Tasks(TypedDict, total=False):
    task: Files
    tasks: Files
    """The same as `task`."""
    fields: Fields
    items: Annotated[int | Literal["all"] | None, Kind.VALUE]
    skip_bad: Flag
    question_template: Word
    text_template: Word
    chat: Flag
    system: Word
    max_new_tokens: Integer
    window: Integer
    stride: Integer
    max_windows: Integer
    batch_tokens: Integer


class Exam(Tasks, Intervals, total=False):
    text: Texts
    html: File
    force: Flag


class Contrast(Exam, total=False):
    tap: Annotated[Tap | Iterable[Tap] | None, Kind.REPEATED]
    estimator: Estimator
    epsilon: Epsilon
    min_confidence: Number


class RunOptions(OneModel, Scoring, Intervals, Cut, Budget, Distil, Tasks, total=False):
    text: Text
    eval_text: Text
    schedule: Annotated[Schedule | Literal["both"] | Iterable[Schedule] | None, Kind.COMMAS]
    method: Words
    heal: Annotated[Way | Iterable[Way] | None, Kind.COMMAS]
    keep: Share
    keep_of: Word
    html: File
    export: File
    force: Flag
    work: File


class ScoreOptions(OneModel, Scoring, Intervals, Cut, total=False):
    text: Text
    loss_change: Annotated[Literal["auto", "always", "never"] | None, Kind.VALUE]
    extra_taps: Annotated[Tap | Iterable[Tap] | None, Kind.COMMAS]
    span: Annotated[int | Iterable[int] | None, Kind.REPEATED]
    lowest: Integer


class _PruneRequired(TypedDict):
    output: Annotated[str | os.PathLike[str], Kind.VALUE]


class PruneOptions(_PruneRequired, OneModel, Scoring, Intervals, Cut, Budget, Distil, total=False):
    force: Flag
    layers: Layers
    plan: File
    method: Word
    text: Text
    schedule: Annotated[Schedule | None, Kind.VALUE]
    heal: Annotated[Way | None, Kind.VALUE]


class _HealRequired(TypedDict):
    model: Model
    teacher: Model
    output: Annotated[str | os.PathLike[str], Kind.VALUE]


class HealOptions(_HealRequired, Common, Cut, Distil, total=False):
    tokenizer: Saved | None
    """Of a model in memory."""
    text: Text
    heal: Annotated[Way | None, Kind.VALUE]
    force: Flag


class CompareOptions(OneModel, Exam, total=False):
    with_: Model


class LocateOptions(OneModel, Contrast, total=False):
    margin_change: Annotated[Literal["auto", "always", "never"] | None, Kind.VALUE]


class RepairOptions(OneModel, Contrast, total=False):
    neutral: Text
    layers: Annotated[str | Iterable[str] | None, Kind.COMMAS]
    count: Integer
    objective: Annotated[
        Literal["info-nce", "margin", "dpo"] | Iterable[Literal["info-nce", "margin", "dpo"]] | None, Kind.COMMAS
    ]
    rank: Integer
    alpha: Number
    steps: Integer
    learning_rate: Number
    pairs: Integer
    accumulate: Integer
    answer_weight: Number
    neutral_weight: Number
    tolerance: Share
    adapter: File
    export: File
    work: File


class QuantizeOptions(OneModel, Intervals, Cut, Tasks, total=False):
    text: Text
    eval_text: Text
    tensor_types: File
    gguf: File
    like: Annotated[str | os.PathLike[str] | None, Kind.VALUE]
    html: File
    force: Flag


OPTIONS: dict[str, Any] = {
    "run": RunOptions,
    "score": ScoreOptions,
    "prune": PruneOptions,
    "heal": HealOptions,
    "compare": CompareOptions,
    "locate": LocateOptions,
    "repair": RepairOptions,
    "quantize": QuantizeOptions,
}
