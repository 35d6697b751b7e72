"""Packages that only some of this one needs."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def needed(module: str, extra: str) -> Any:
    """The module; where it is not installed, the error names the extra that brings it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"this needs {error.name}, which the extra `{extra}` brings: pip install 'layerlab[{extra}]'", name=error.name
        ) from error
