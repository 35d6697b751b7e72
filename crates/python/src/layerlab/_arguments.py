"""From keywords to the arguments of a command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import get_type_hints

from ._inputs import Inputs
from ._kinds import Kind, commas, some, word
from ._options import OPTIONS

ALIASES = {"tasks": "task"}
OF_THE_CALL = {"quiet", "tokenizer"}
"""Keywords that say how this package calls the command."""
INSTEAD = {
    "output": "the report is returned, and report.save(path) writes it",
    "json": "report.save(path) writes it",
    "markdown": "the command alone writes it",
    "csv": "report.scores, report.kept and report.cuts are tables",
    "full": "the report is always whole",
}
"""What takes the place of options that reports of the command are written by."""


@lru_cache
def kinds(command: str) -> dict[str, Kind]:
    """How each keyword of a command takes its value."""
    hints = get_type_hints(OPTIONS[command], include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if name not in OF_THE_CALL}


def arguments(command: str, given: Mapping[str, object], inputs: Inputs) -> list[str]:
    """The arguments that a call's keywords stand for, with what was in memory put into files."""
    _check(command, given)
    return [argument for name, value in given.items() for argument in _option(command, name, value, given, inputs)]


def _option(command: str, name: str, value: object, given: Mapping[str, object], inputs: Inputs) -> Iterator[str]:
    if value is None or name in OF_THE_CALL:
        return
    kind = kinds(command)[name]
    flag = "--" + ALIASES.get(name, name).rstrip("_").replace("_", "-")
    if kind is Kind.FLAG:
        if not isinstance(value, bool):
            raise TypeError(f"{name}= is True or False, not {value!r}")
        if value:
            yield flag
    elif kind is Kind.MODEL:
        tokenizer = given.get("tokenizer") if name == "model" else None
        yield f"{flag}={inputs.model(name, value, tokenizer)}"
    elif kind is Kind.TEXT:
        yield f"{flag}={inputs.text(name, value)}"
    elif kind is Kind.COMMAS:
        yield f"{flag}={commas(name, value)}"
    elif kind is Kind.VALUE:
        yield f"{flag}={word(name, value)}"
    else:
        read = inputs.text if kind is Kind.TEXTS else word
        for one in some(value):
            yield f"{flag}={read(name, one)}"


def _check(command: str, given: Mapping[str, object]) -> None:
    """Refuses keywords that the command has not, and calls without those that it must have."""
    known = set(kinds(command)) | OF_THE_CALL
    for name in given:
        if name not in known:
            raise TypeError(f"{command}() has no keyword {name}=" + _hint(name, known))
    for alias, name in ALIASES.items():
        if given.get(alias) is not None and given.get(name) is not None:
            raise TypeError(f"{command}() takes {alias}= or {name}=, which are the same, not both")
    missing = sorted(name for name in OPTIONS[command].__required_keys__ if given.get(name) is None)
    if missing:
        raise TypeError(f"{command}() needs {' and '.join(f'{name}=' for name in missing)}")


def _hint(name: str, known: set[str]) -> str:
    if name in INSTEAD:
        return f": {INSTEAD[name]}"
    return nearest(name, known, "{}=")


def nearest(name: str, known: set[str], form: str) -> str:
    """`; did you mean …?` with the nearest known name, or nothing where none is near."""
    near = get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {form.format(near[0])}?" if near else ""
