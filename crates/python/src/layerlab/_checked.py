"""What a study says, checked value by value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ._arguments import nearest


def mapping(what: str, found: object, known: Iterable[str]) -> dict[str, Any]:
    """Keys with values, none of them unknown."""
    known = set(known)
    if not isinstance(found, dict):
        raise TypeError(f"{what}: expected keys with values, of {', '.join(sorted(known))}")
    for key in found:
        if key not in known:
            raise ValueError(f"{what} has no key `{key}`" + nearest(str(key), known, "`{}`"))
    return found


def count(name: str, found: object, *, least: int = 1) -> int:
    """A whole number."""
    if isinstance(found, bool) or not isinstance(found, int) or found < least:
        raise ValueError(f"{name}: expected a whole number from {least} on, found {found!r}")
    return found


def folder_name(what: str, name: object) -> str:
    """A name that a folder can have."""
    if not re.fullmatch(r"\w[\w.@+-]*", str(name)):
        raise ValueError(f"{what}: `{name}` is no name of a folder")
    return str(name)
