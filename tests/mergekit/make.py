#!/usr/bin/env python3
"""Writes recipes for the demo model by mergekit's own configuration (PyPI, mergekit 0.1.5): pip install mergekit."""

import pathlib

from mergekit.config import MergeConfiguration

HERE = pathlib.Path(__file__).parent
MODEL = "demo"


def slices(*ranges, **source):
    return [{"sources": [{"model": MODEL, "layer_range": list(one), **source}]} for one in ranges]


RECIPES = {
    # Layers 2 and 4 of 6 are left out.
    "removes_2_4": {"slices": slices((0, 2), (3, 4), (5, 6)), "dtype": "float32"},
    # The same with what says nothing of layers.
    "removes_2_4_and_more": {
        "slices": slices((0, 2), (3, 4), (5, 6)), "tokenizer": {"source": "union"}, "out_dtype": "float16",
    },
    # A larger model of the same layers.
    "grows": {"slices": slices((0, 5), (1, 6)), "dtype": "float32"},
    # Sublayers scaled to nothing, which is no removal of layers.
    "scales": {"slices": slices((0, 6), parameters={"scale": [{"filter": "o_proj", "value": 0.0}, {"value": 1.0}]})},
}  # fmt: skip

if __name__ == "__main__":
    for name, recipe in RECIPES.items():
        configuration = MergeConfiguration.model_validate({"merge_method": "passthrough", **recipe})
        (HERE / f"{name}.yaml").write_text(configuration.to_yaml())
