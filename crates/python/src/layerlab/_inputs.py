"""Models and texts in memory, as files that the command reads."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

from ._told import warn


@dataclass(frozen=True)
class Text:
    """A text in memory. Reports call it by its name."""

    contents: str
    name: str = "text"


@runtime_checkable
class Saved(Protocol):
    """What writes itself to a folder: a model or a tokenizer of `transformers`."""

    def save_pretrained(self, save_directory: str, /) -> Any: ...


TextLike = str | os.PathLike[str] | Text
"""A path, or a text in memory: `Text(…)`, or a string with a line break in it, which no path has."""

ModelLike = str | os.PathLike[str] | Saved | tuple[Saved, Saved]
"""A path, a name that the command knows, a model of `transformers` in memory, or such a model and its tokenizer."""


class Inputs:
    """A temporary folder of what was in memory. It goes away with the `with` block."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._count = 0
        self._folder = TemporaryDirectory(prefix="layerlab-")
        self.folder = Path(self._folder.name)

    def __enter__(self) -> Inputs:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._folder.cleanup()

    def text(self, name: str, given: object) -> str:
        """The path of a text."""
        if isinstance(given, str) and "\n" in given:
            given = Text(given)
        if isinstance(given, Text):
            path = self._place() / (re.sub(r"[^\w.-]+", "_", given.name) + ".txt")
            path.write_text(given.contents, encoding="utf-8")
            return str(path)
        if given == "-":
            raise ValueError(f"{name}= cannot read the standard input; read it yourself: {name}=Text(sys.stdin.read())")
        if isinstance(given, (str, os.PathLike)):
            return os.fsdecode(given)
        raise TypeError(f"{name}= takes a path or a text, not {type(given).__name__}")

    def model(self, name: str, given: object, tokenizer: object = None) -> str:
        """The path or the name of a model."""
        if isinstance(given, tuple) and len(given) == 2 and tokenizer is None:
            given, tokenizer = given
        if isinstance(given, Saved):
            return self._saved(given, tokenizer)
        if tokenizer is not None:
            raise TypeError(f"{name}= is no model in memory, and so brings its own tokenizer: leave out tokenizer=")
        if isinstance(given, (str, os.PathLike)):
            return os.fsdecode(given)
        raise TypeError(f"{name}= takes a path, a name, or a model of transformers, not {type(given).__name__}")

    def _saved(self, model: Saved, tokenizer: object) -> str:
        if hasattr(model, "merge_and_unload"):
            raise ValueError("the model has adapters beside its weights: give model.merge_and_unload()")
        if not hasattr(model, "config"):
            raise TypeError(f"{type(model).__name__} is no model: it has no configuration. A tokenizer belongs to tokenizer=")
        tokenizer = _tokenizer_of(model) if tokenizer is None else tokenizer
        if not isinstance(tokenizer, Saved):
            raise TypeError(f"tokenizer= takes a tokenizer of transformers, not {type(tokenizer).__name__}")
        folder = self._place()
        if not self._quiet:
            warn(f"the model in memory is saved to {folder} for the command, and deleted after it")
        model.save_pretrained(str(folder))
        tokenizer.save_pretrained(str(folder))
        return str(folder)

    def _place(self) -> Path:
        self._count += 1
        folder = self.folder / str(self._count)
        folder.mkdir()
        return folder


def _tokenizer_of(model: object) -> object:
    """The tokenizer of where a model was loaded from."""
    source = getattr(model, "name_or_path", "")
    problem = "a model in memory needs its tokenizer: model=(model, tokenizer)"
    if not source:
        raise ValueError(problem)
    # By name, since type checkers would read all of it.
    transformers = import_module("transformers")
    try:
        found: object = transformers.AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError) as error:
        raise ValueError(f"{problem}; there is none at {source}") from error
    return found
