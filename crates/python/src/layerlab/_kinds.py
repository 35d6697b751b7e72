"""How the value of a keyword becomes an argument of the command."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from numbers import Real


class Kind(Enum):
    """How an option takes its value."""

    FLAG = auto()
    """It has none: the option is there or not."""
    VALUE = auto()
    """One value."""
    COMMAS = auto()
    """Several in one argument, parted by commas."""
    REPEATED = auto()
    """The option is repeated for each."""
    MODEL = auto()
    """One model: a path, a name, or one in memory."""
    TEXT = auto()
    """One text: a path, or one in memory."""
    TEXTS = auto()
    """As TEXT, repeated for each."""


def word(name: str, value: object) -> str:
    """One value as the command reads it."""
    if isinstance(value, (str, os.PathLike)):
        return os.fsdecode(value)
    if isinstance(value, Real) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"{name}= takes a word, a number or a path, not {value!r}")


def commas(name: str, value: object) -> str:
    """Several values as one argument: `[0, 1]` as `0,1`, and `{"wrong": ["a", "b"]}` as `wrong=a+b`."""
    if isinstance(value, Mapping):
        pairs = ((word(name, key), some(inner)) for key, inner in value.items())
        return ",".join(f"{key}={'+'.join(word(name, one) for one in inner)}" for key, inner in pairs)
    return ",".join(word(name, one) for one in some(value))


def some(value: object) -> list[object]:
    """The values that one stands for: itself, or what it holds."""
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, os.PathLike)):
        return list(value)
    return [value]
