"""Models of `transformers` that were never on a disk."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from conftest import DEMO

import layerlab

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SMALL = {"resamples": 0, "max_sequences": 2, "sequence_length": 32, "method": ["block_influence"], "heal": "none", "max_windows": 2}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return transformers.AutoTokenizer.from_pretrained(DEMO)


@pytest.fixture
def model(tokenizer: Any) -> Any:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
    )
    return transformers.LlamaForCausalLM(config)


@pytest.mark.parametrize("form", ["pair", "keyword"])
def test_a_model_and_its_tokenizer(form: str, model: Any, tokenizer: Any) -> None:
    given = {"model": (model, tokenizer)} if form == "pair" else {"model": model, "tokenizer": tokenizer}
    with pytest.warns(layerlab.LabWarning, match="the model in memory is saved to") as warned:
        report = layerlab.run(**given, text=DEMO / "text.txt", **SMALL)
    assert report.document["model"]["layers"] == 4
    assert report.document["model"]["parameters"] == model.num_parameters()
    folder = re.search(r"saved to (\S+)", str(warned[0].message))
    assert folder and not Path(folder[1]).exists()


def test_a_model_alone_has_the_tokenizer_of_where_it_was_loaded_from() -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(DEMO)
    report = layerlab.score(model=model, text=DEMO / "text.txt", resamples=0, max_sequences=2, quiet=True)
    whole = layerlab.score(model=DEMO, text=DEMO / "text.txt", resamples=0, max_sequences=2, quiet=True)
    assert report.scores["block_influence"].to_list() == pytest.approx(whole.scores["block_influence"].to_list(), rel=1e-4)


def test_what_cannot_be_saved_is_refused(model: Any, tokenizer: Any) -> None:
    with pytest.raises(ValueError, match="needs its tokenizer"):
        layerlab.score(model=model)
    with pytest.raises(TypeError, match="belongs to tokenizer="):
        layerlab.score(model=tokenizer)
    with pytest.raises(TypeError, match="tokenizer= takes"):
        layerlab.score(model=(model, 3), text=DEMO / "text.txt")  # type: ignore[typeddict-item]
    model.merge_and_unload = None
    with pytest.raises(ValueError, match="merge_and_unload"):
        layerlab.score(model=(model, tokenizer))
