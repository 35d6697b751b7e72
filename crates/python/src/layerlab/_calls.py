"""The commands as functions."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar, get_type_hints

from ._arguments import arguments
from ._inputs import Inputs, ModelLike
from ._options import (
    OPTIONS,
    CompareOptions,
    HealOptions,
    LocateOptions,
    PruneOptions,
    QuantizeOptions,
    RepairOptions,
    RunOptions,
    ScoreOptions,
)
from ._process import execute
from ._report import Report
from ._written import WrittenModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

F = TypeVar("F", bound=Callable[..., object])


def _shows_its_keywords(function: F) -> F:
    """Puts the command's options into the signature, where `help` and completion look for them."""
    options = OPTIONS[function.__name__]
    kept = [one for one in inspect.signature(function).parameters.values() if one.kind is not one.VAR_KEYWORD]
    keywords = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if name in options.__required_keys__ else None,
            annotation=hint,
        )
        for name, hint in get_type_hints(options).items()
    ]
    signature = inspect.signature(function).replace(parameters=[*kept, *keywords])
    setattr(function, "__signature__", signature)
    return function


@_shows_its_keywords
def run(**options: Unpack[RunOptions]) -> Report:
    """Scores a model, prunes it by every method, heals what is left, and measures what each kept."""
    return _measured("run", options)


@_shows_its_keywords
def score(**options: Unpack[ScoreOptions]) -> Report:
    """Scores every layer by every method."""
    return _measured("score", options)


@_shows_its_keywords
def prune(**options: Unpack[PruneOptions]) -> WrittenModel:
    """Writes a model without some of its layers to the folder `output`."""
    return _wrote("prune", options)


@_shows_its_keywords
def heal(**options: Unpack[HealOptions]) -> WrittenModel:
    """Heals a model that another program has pruned, with the help of the whole one (`teacher`), into the folder `output`."""
    return _wrote("heal", options)


@_shows_its_keywords
def compare(*models: ModelLike, **options: Unpack[CompareOptions]) -> Report:
    """Asks two models the same and compares them item by item: `compare(a, b)`, or `compare(model=a, with_=b)`."""
    named = dict(zip(("model", "with_"), models))
    twice = [name for name in named if name in options]
    if len(models) > 2 or twice:
        raise TypeError("compare() takes two models: compare(a, b), or compare(model=a, with_=b)")
    return _measured("compare", {**named, **options})


@_shows_its_keywords
def locate(**options: Unpack[LocateOptions]) -> Report:
    """Finds the layers that tell hallucinated answers from factual ones."""
    return _measured("locate", options)


@_shows_its_keywords
def repair(**options: Unpack[RepairOptions]) -> Report:
    """Trains small adapters on chosen layers so that factual answers become likelier than hallucinated ones."""
    return _measured("repair", options)


@_shows_its_keywords
def quantize(**options: Unpack[QuantizeOptions]) -> Report:
    """Measures what each layer loses in few bits, hands out bits by that, and judges it beside the same bits for every layer."""
    return _measured("quantize", options)


def _measured(command: str, options: Mapping[str, object]) -> Report:
    quiet = bool(options.get("quiet"))
    with Inputs(quiet=quiet) as inputs:
        report = inputs.folder / "report.json"
        asked = arguments(command, options, inputs)
        execute([command, *asked, "--json", f"--output={report}"], quiet=quiet)
        return Report.load(report)


def _wrote(command: str, options: Mapping[str, object]) -> WrittenModel:
    quiet = bool(options.get("quiet"))
    with Inputs(quiet=quiet) as inputs:
        told = execute([command, *arguments(command, options, inputs), "--json"], quiet=quiet)
        output = options["output"]
        assert isinstance(output, (str, os.PathLike))
        return WrittenModel.told(output, told)
