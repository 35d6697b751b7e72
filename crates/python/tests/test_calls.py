"""Each function on the bundled model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import DEMO

import layerlab


def test_score() -> None:
    text = "The river runs to the sea. A stone lies in the river, and the sea is wide and blue.\n" * 20
    report = layerlab.score(text=layerlab.Text(text, name="rivers"), resamples=0, max_sequences=2, quiet=True)
    assert report.document["experiment"] == "score"
    assert report.document["scoring"]["data"]["name"].endswith("rivers.txt")
    assert report.document["scoring"]["data"]["bytes"] == len(text)


def test_a_pruned_model_can_be_healed_and_compared(tmp_path: Path) -> None:
    pruned = layerlab.prune(layers=[7, 9], output=tmp_path / "pruned", quiet=True)
    assert pruned.removed == [7, 9] and pruned.healing is None
    assert json.loads((pruned.path / "layerlab.json").read_text())["plan"]["removed"] == [7, 9]
    healed = layerlab.heal(
        model=pruned, teacher="atlas", heal="scale", max_sequences=4, output=str(tmp_path / "healed"), quiet=True
    )
    assert healed.healing is not None and healed.healing["way"] == "scale"
    report = layerlab.compare(pruned, healed, text=DEMO / "text.txt", max_windows=3, resamples=20, quiet=True)
    kept = report.kept.set_index("metric")
    assert kept.loc["perplexity", "method"] is None
    assert kept.loc["perplexity", "kept"] > 0
    with pytest.raises(layerlab.UsageError, match="exists"):
        layerlab.prune(layers=[7], output=tmp_path / "pruned", quiet=True)


def test_locate() -> None:
    report = layerlab.locate(items=12, resamples=10, tap="output", quiet=True)
    assert report.document["hallucination"]["datasets"]


def test_repair(tmp_path: Path) -> None:
    report = layerlab.repair(
        items=16, resamples=10, layers=["last", "3+4"], steps=1, adapter=tmp_path / "adapter", quiet=True
    )
    assert len(report.document["repair"]["runs"]) == 2
    assert (tmp_path / "adapter" / "adapter_config.json").is_file()


def test_quantize(tmp_path: Path) -> None:
    types = tmp_path / "types.txt"
    report = layerlab.quantize(
        text=DEMO / "text.txt", eval_text=DEMO / "text.txt", max_sequences=2, max_windows=2, resamples=10, tensor_types=types,
        gguf=tmp_path / "model.gguf", quiet=True,
    )  # fmt: skip
    assert len(report.sensitivity) == report.document["model"]["layers"]
    assert set(report.sensitivity) == {"value", "low", "high"}
    kept = report.kept
    assert {"Q4_0", "Q5_0", "Q8_0"} <= set(kept["method"])
    assert types.read_text().splitlines()[0].startswith("^blk")
    assert (tmp_path / "model.gguf").read_bytes()[:4] == b"GGUF"
