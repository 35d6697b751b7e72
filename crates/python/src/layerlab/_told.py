"""What users are told beside results."""

from __future__ import annotations

import inspect
import logging
import warnings
from pathlib import Path

from .errors import LabWarning

LOG = logging.getLogger("layerlab")
"""What the command notes, such as how it has read a dataset, at level INFO."""


def warn(message: str) -> None:
    """Warns, and names the line of the user's that it is about."""
    here = str(Path(__file__).parent)
    frame, depth = inspect.currentframe(), 1
    while frame is not None and frame.f_code.co_filename.startswith(here):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(message, LabWarning, stacklevel=depth)
