"""A model that was written to a folder."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class WrittenModel(os.PathLike[str]):
    """A folder in Hugging Face layout. It can be given as a path, `model=` and `from_pretrained` included."""

    path: Path
    provenance: dict[str, Any]
    """Where it comes from, as in its `layerlab.json`: source, plan, healing."""

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def removed(self) -> list[int]:
        """The layers removed, as the whole model numbers them, in the order of removal."""
        return list(self.provenance["plan"]["removed"])

    @property
    def healing(self) -> dict[str, Any] | None:
        """What healing did, layer by layer; none where nothing was healed."""
        healing: dict[str, Any] | None = self.provenance.get("healing")
        return healing

    @classmethod
    def told(cls, path: str | os.PathLike[str], told: str) -> WrittenModel:
        """From what the command wrote about it."""
        return cls(Path(path), json.loads(told))
