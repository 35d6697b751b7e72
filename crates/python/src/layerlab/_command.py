"""Which command is run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from .errors import CommandNotFound, VersionMismatch

__version__ = "0.1.0"

NAME = "layerlab"
VARIABLE = "LAYERLAB"


def find() -> str:
    """The command that the variable LAYERLAB names, else the one installed with this package, else the one on PATH.

    Its version must be this package's: options and reports change from one to the next.
    """
    given = os.environ.get(VARIABLE)
    path = given or next(_places(), None)
    if path is None:
        raise CommandNotFound(
            f"there is no command `{NAME}`: neither among the scripts of this interpreter "
            f"({sysconfig.get_path('scripts')}) nor on PATH. A wheel of the package brings it; where there is none for this "
            f"platform ({sysconfig.get_platform()}), build it from the sources and let the variable {VARIABLE} name it"
        )
    try:
        found = _version(path)
    except OSError as error:
        named = f", which the variable {VARIABLE} names," if given else ""
        raise CommandNotFound(f"{path}{named} cannot be run: {error.strerror or error}") from error
    if found != __version__:
        raise VersionMismatch(
            f"the command {path} is of version {found}, and this package of {__version__}: install both in one version, "
            f"or let the variable {VARIABLE} name a command of version {__version__}"
        )
    return path


def _places() -> Iterator[str]:
    user = sysconfig.get_preferred_scheme("user")
    for folder in (sysconfig.get_path("scripts"), sysconfig.get_path("scripts", user)):
        path = Path(folder, NAME + (sysconfig.get_config_var("EXE") or ""))
        if path.is_file():
            yield str(path)
    on_path = shutil.which(NAME)
    if on_path is not None:
        yield on_path


@lru_cache
def _version(path: str) -> str:
    said = subprocess.run([path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    name, _, version = said.stdout.strip().partition(" ")
    return version if name == NAME and version else "unknown"
