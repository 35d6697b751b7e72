"""Steps of the command become bars."""

from __future__ import annotations

import json

import pytest
from conftest import REPOSITORY

import layerlab
from layerlab._progress import STAGES, Bars

WITHOUT_A_BAR = {"checking", "checking_distilled"}


def steps() -> dict[str, dict[str, object]]:
    """The fields of each step that an experiment tells."""
    schema = json.loads((REPOSITORY / "crates/web/schema/page.schema.json").read_text())
    variants = schema["$defs"]["Progress"]["oneOf"]
    return {one["properties"]["stage"]["const"]: one["properties"] for one in variants}


def test_every_stage_is_known() -> None:
    assert set(STAGES) == set(steps()) - WITHOUT_A_BAR | {"downloading"}
    for name, fields in steps().items():
        if name in WITHOUT_A_BAR or "total" not in fields:
            continue
        stage = STAGES[name]
        assert "record" in fields or stage.done in fields
        assert not stage.models or stage.models in fields


def test_bars(capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as bars:
        bars.show({"stage": "measuring", "sequences": 3, "total": 10})
        bars.show({"stage": "checking", "runs": 0, "record": {}})
        bars.show({"stage": "evaluating", "models": 1, "of": 5, "done": 9, "total": 10})
        bars.show({"stage": "evaluating", "models": 2, "of": 5, "done": 1, "total": 20})
        bars.show({"stage": "distilling", "models": 0, "of": 1, "total": 80, "record": {"step": 4, "loss": 1.0}})
    told = capsys.readouterr().err
    for title in ("measuring:", "asking 2 of 5:", "asking 3 of 5:", "distilling:"):
        assert title in told


def test_a_real_run_shows_its_stages_and_a_quiet_one_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    options = {"resamples": 0, "max_sequences": 2}
    layerlab.score(**options, quiet=True)  # type: ignore[typeddict-item]
    assert capsys.readouterr().err == ""
    layerlab.score(**options)  # type: ignore[typeddict-item]
    assert "measuring" in capsys.readouterr().err
