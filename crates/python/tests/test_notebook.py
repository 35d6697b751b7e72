"""The example notebook runs, and shows what it is stored with.

With UPDATE_NOTEBOOK set it is stored as executed, without bars and without what differs each time.
"""

from __future__ import annotations

import os
from typing import Any

import nbformat
import pytest
from conftest import REPOSITORY
from nbclient import NotebookClient

PATH = REPOSITORY / "docs/notebooks/example.ipynb"
LARGEST = 400_000
"""Bytes of the stored notebook."""


@pytest.fixture(scope="module")
def stored() -> Any:
    return nbformat.read(PATH, as_version=4)


@pytest.fixture(scope="module")
def executed() -> Any:
    notebook = nbformat.read(PATH, as_version=4)
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.output_type == "execute_result" or is_chart(output)]
    if "UPDATE_NOTEBOOK" in os.environ:
        nbformat.write(notebook, PATH)
    return notebook


def is_chart(output: Any) -> bool:
    return "image/png" in output.get("data", {})


def kinds_shown(notebook: Any) -> list[set[str]]:
    return [{kind for output in cell.outputs for kind in output.data} for cell in notebook.cells if cell.cell_type == "code"]


def test_it_runs(executed: Any) -> None:
    shown = kinds_shown(executed)
    assert sum("image/png" in kinds for kinds in shown) == 2
    assert "layerlab" in executed.cells[-1].outputs[0].data["text/html"]
    assert "<section>" in executed.cells[-1].outputs[0].data["text/html"]


def test_it_is_stored_as_it_runs(executed: Any, stored: Any) -> None:
    assert kinds_shown(stored) == kinds_shown(executed)
    assert PATH.stat().st_size < LARGEST
