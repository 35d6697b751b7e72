"""What must hold of a golden, or it would pass with a reader that is wrong."""

import copy
import json

import torch
import transformers

from record import record

# Differences are relative to the RMS. Tests allow 1e-4 on the CPU and 1e-3 on a GPU: what must
# show is well above, and what float32 loses by rounding is well below.
SEEN = 1e-2
ROUNDING = 3e-5


def relative_difference(found, expected, mask):
    """The largest difference over real tokens, relative to the RMS of `expected` there."""
    found, expected = (value[mask.bool()].double() for value in (found, expected))
    return ((found - expected).abs().max() / expected.square().mean().sqrt()).item()


def is_norm(name):
    return name.endswith("weight") and any(part in name for part in ("norm", "ln_"))


def neutral_norm(model):
    """The weight of a norm that changes nothing: Gemma stores one less than it multiplies by."""
    return 0.0 if model.config.model_type.startswith("gemma") else 1.0


def every_parameter_matters(model, ids, mask, logits, idle=()):
    """Forgetting a bias, a norm's weight or any other tensor must show, unless it ends in one of `idle`."""
    for name, parameter in model.named_parameters():
        if name.endswith(tuple(idle)):
            continue
        stored = parameter.data
        parameter.data = torch.full_like(stored, neutral_norm(model) if is_norm(name) else 0.0)
        difference = relative_difference(record(model, ids, mask)["logits"], logits, mask)
        assert difference > SEEN, f"without {name} the logits differ by only {difference}"
        parameter.data = stored


def every_change_matters(model, fields, changes, ids, mask, logits):
    """Reading a field of the configuration wrongly must show."""
    for change in changes:
        # From fresh copies, since a model changes the configuration that it is given.
        fresh = copy.deepcopy({**fields, **change})
        if "attention_types" in change:
            del fresh["attention_layers"]
        other = transformers.AutoModelForCausalLM.from_config(
            type(model.config)(**fresh), dtype=torch.float32, attn_implementation="eager")
        other.load_state_dict(model.state_dict(), strict=False)
        other = other.eval().double()
        difference = relative_difference(record(other, ids, mask)["logits"], logits, mask)
        assert difference > SEEN, f"{change} changes the logits by only {difference}"


def float32_agrees(model, kept, ids, mask, sublayers):
    """The float64 pass is the same computation. Returns the largest difference."""
    found = record(model, ids, mask, sublayers)
    worst = max(relative_difference(found[name], kept[name], mask) for name in kept)
    assert worst < ROUNDING, f"float32 and float64 differ by {worst}"
    return worst


def fields_of(folder):
    fields = json.loads((folder / "config.json").read_text())
    return {name: value for name, value in fields.items() if name != "dtype"}
