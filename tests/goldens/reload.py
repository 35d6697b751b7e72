#!/usr/bin/env python3
"""Loads checkpoints in transformers and compares their logits with those recorded beside them.

    python reload.py FOLDER...

Each FOLDER holds `logits.json`: token ids `ids` [batch][tokens] and our logits `logits`
[batch][tokens][vocabulary] of them. Where it has a folder `adapter`, PEFT puts that on the model first.
"""

import json
import pathlib
import sys

import torch
import transformers

TOLERANCE = 1e-4


def error(folder):
    """Largest difference of logits, relative to their root mean square."""
    recorded = json.loads((folder / "logits.json").read_text())
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if (folder / "adapter").exists():
        import peft

        model = peft.PeftModel.from_pretrained(model, folder / "adapter")
    with torch.no_grad():
        found = model.eval()(torch.tensor(recorded["ids"]), use_cache=False).logits
    expected = torch.tensor(recorded["logits"])
    return ((found - expected).abs().max() / expected.square().mean().sqrt()).item()


if __name__ == "__main__":
    transformers.utils.logging.disable_progress_bar()
    errors = {folder: error(pathlib.Path(folder)) for folder in sys.argv[1:]}
    for folder, found in errors.items():
        print(f"{pathlib.Path(folder).name:22} {found:.1e}")
    assert max(errors.values()) < TOLERANCE, errors
