#!/usr/bin/env python3
"""What transformers makes of the model folders of tests/reported/cases.json: perplexities of base/text.txt in one window.

    python reported.py                       writes tests/reported/perplexities.json
    python reported.py FOLDER PERPLEXITY...  checks that transformers finds these of folders that were written here

A case names the files of its folder (base/ has the rest), fields of config.json to change, and layers to remove: these are
left out of the state dict of the whole model, as transformers loaded it, and the others renumbered. Names under a wrapper
are those of the model within: transformers itself does not find them.
"""

import json
import math
import pathlib
import re
import shutil
import sys
import tempfile

import torch
import transformers

REPORTED = pathlib.Path(__file__).parent.parent / "reported"
BASE = ["config.json", "tokenizer.json", "tokenizer_config.json"]
TOLERANCE = 1e-4


def folder(case, place):
    for name in BASE:
        shutil.copy(REPORTED / "base" / name, place / name)
    for name, source in case["files"].items():
        shutil.copy(REPORTED / source, place / name)
    config = json.loads((place / "config.json").read_text()) | case.get("config", {})
    (place / "config.json").write_text(json.dumps(config))
    return place


def load(place):
    return transformers.AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32)


def without(model, removed):
    """The model without some layers, from its state dict."""
    config = model.config
    kept = [layer for layer in range(config.num_hidden_layers) if layer not in removed]
    values = config.to_dict() | {"num_hidden_layers": len(kept), "tie_word_embeddings": False}
    if values.get("layer_types"):
        values["layer_types"] = [config.layer_types[layer] for layer in kept]
    smaller = type(model)(type(config)(**values))
    state = {}
    for name, tensor in model.state_dict().items():
        layer = re.search(r"layers\.(\d+)\.", name)
        if layer is None:
            state[name] = tensor
        elif int(layer[1]) in kept:
            number = kept.index(int(layer[1]))
            state[name.replace(layer[0], f"layers.{number}.")] = tensor
    smaller.load_state_dict(state)
    return smaller


def perplexity(model, tokenizer):
    text = (REPORTED / "base" / "text.txt").read_text()
    ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        logits = model.eval()(ids, use_cache=False).logits[0, :-1].double()
    return math.exp(torch.nn.functional.cross_entropy(logits, ids[0, 1:]).item())


def make():
    found = {}
    for case in json.loads((REPORTED / "cases.json").read_text()):
        with tempfile.TemporaryDirectory() as place:
            place = folder(case, pathlib.Path(place))
            model = load(place)
            if "removed" in case:
                model = without(model, case["removed"])
            tokenizer = transformers.AutoTokenizer.from_pretrained(place)
            found[case["name"]] = perplexity(model, tokenizer)
    text = json.dumps({"transformers": transformers.__version__, "perplexities": found}, indent=2)
    (REPORTED / "perplexities.json").write_text(text + "\n")


def check(pairs):
    for place, expected in zip(pairs[::2], map(float, pairs[1::2])):
        tokenizer = transformers.AutoTokenizer.from_pretrained(place)
        found = perplexity(load(pathlib.Path(place)), tokenizer)
        print(f"{found:10.4f} {expected:10.4f} {place}")
        assert abs(found / expected - 1) < TOLERANCE, place


if __name__ == "__main__":
    transformers.utils.logging.disable_progress_bar()
    check(sys.argv[1:]) if len(sys.argv) > 1 else make()
