"""The keywords are the options that the command really has, and take values as these do."""

from __future__ import annotations

import inspect
import re
import subprocess
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

import layerlab
from layerlab._arguments import ALIASES, INSTEAD, OF_THE_CALL, kinds
from layerlab._command import find
from layerlab._kinds import Kind
from layerlab._options import OPTIONS

NOT_OURS = {"help", "progress", "shard"}
"""How the command is called is for this package to say; shards are for studies."""
WRITES_A_REPORT = set(OPTIONS) - {"prune", "heal"}
OPTION = re.compile(r"^ +(?:-\w, )?--([a-z][a-z-]*)(?: \[?<(.+?)>\]?)?(?: {2,}|$)(.*)")


def options_of(command: str) -> dict[str, tuple[str, str]]:
    """Placeholder and explanation of each option, as the command's help has them."""
    told = subprocess.run([find(), command, "--help"], capture_output=True, text=True, check=True).stdout
    found: dict[str, tuple[str, str]] = {}
    name = ""
    for line in told.partition("Options:")[2].splitlines():
        option = OPTION.match(line)
        if option:
            name = option[1]
            found[name] = (option[2] or "", option[3])
        elif line.startswith("   ") and name:
            placeholder, explanation = found[name]
            found[name] = (placeholder, f"{explanation} {line.strip()}")
        else:
            name = ""
    return found


def keyword(option: str) -> str:
    name = option.replace("-", "_")
    return {"with": "with_"}.get(name, name)


@pytest.mark.parametrize("command", OPTIONS)
def test_every_option_is_a_keyword_and_no_other_is(command: str) -> None:
    theirs = {keyword(option) for option in options_of(command)} - NOT_OURS
    if command in WRITES_A_REPORT:
        assert set(INSTEAD) <= theirs
        theirs -= set(INSTEAD)
        # It protects what the command would write besides the report, where it would.
        if not {"html", "export"} & theirs:
            theirs -= {"force"}
    else:
        theirs -= {"json"}
    ours = set(kinds(command)) - set(ALIASES) | {"quiet"}
    assert ours == theirs


@pytest.mark.parametrize("command", OPTIONS)
def test_values_are_taken_as_the_option_takes_them(command: str) -> None:
    help_of = {keyword(name): told for name, told in options_of(command).items()}
    for name, kind in kinds(command).items():
        placeholder, explanation = help_of[ALIASES.get(name, name)]
        if not placeholder:
            expected = {Kind.FLAG}
        elif "…" in placeholder:
            expected = {Kind.COMMAS}
        elif "may be repeated" in explanation:
            expected = {Kind.REPEATED, Kind.TEXTS}
        else:
            expected = {Kind.VALUE, Kind.MODEL, Kind.TEXT}
        assert kind in expected, name
        if placeholder == "FILE" and name in {"text", "eval_text", "neutral"}:
            assert kind in {Kind.TEXT, Kind.TEXTS}, name


@pytest.mark.parametrize("command", OPTIONS)
def test_words_that_types_allow_are_words_of_the_command(command: str) -> None:
    help_of = {keyword(name): told for name, told in options_of(command).items()}
    taps = options_of("run")["tap"][1]
    for name, hint in get_type_hints(OPTIONS[command]).items():
        if name in OF_THE_CALL:
            continue
        placeholder, explanation = help_of[ALIASES.get(name, name)]
        allowed = literals(hint)
        # Taps are listed once.
        told = f"{placeholder} {explanation} {taps if name in {'tap', 'extra_taps'} else ''}"
        for word in allowed:
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", told), (name, word)
        listed = re.search(r"\[possible values: ([^]]+)\]", explanation)
        if listed and allowed:
            assert allowed == set(listed[1].split(", ")), name


def literals(hint: Any) -> set[str]:
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    return {word for part in get_args(hint) for word in literals(part)}


@pytest.mark.parametrize("command", OPTIONS)
def test_signatures_name_every_keyword(command: str) -> None:
    signature = inspect.signature(getattr(layerlab, command))
    assert set(kinds(command)) <= set(signature.parameters)
    assert "options" not in signature.parameters
    required = {name for name, one in signature.parameters.items() if one.default is one.empty} - {"models"}
    assert required == OPTIONS[command].__required_keys__
