"""What tests share: small settings, and what is made of them once."""

from __future__ import annotations

from pathlib import Path

import pytest

import layerlab

REPOSITORY = Path(__file__).parents[3]
DEMO = REPOSITORY / "tests/goldens/demo"


@pytest.fixture(scope="session")
def report() -> layerlab.Report:
    """A small run on the bundled model."""
    return layerlab.run(
        resamples=20,
        max_sequences=4,
        max_windows=4,
        items=8,
        remove=2,
        method=["block_influence", "last_k"],
        heal=["none", "refit"],
        quiet=True,
    )
