"""What the package gguf stores of values, for make_gguf.py."""

import gguf
import numpy as np
from safetensors.numpy import save_file


def write(folder):
    """Values of all sizes and signs, and what the package gguf stores of them."""
    rng = np.random.default_rng(22)
    values = (rng.standard_normal((96, 64)) * 2.0 ** rng.integers(-20, 12, (96, 1))).astype(np.float32)
    values[0] = 0                                       # no scale
    values[1] = np.tile([3, -3], 32)                    # as far from 0 on both sides
    values[2] = np.arange(64) / 16 - 2                  # halves, which rounding must decide
    values[3, 32:] = 0                                  # a block of nothing beside another
    encoded = {name: gguf.quants.quantize(values, gguf.GGMLQuantizationType[name]).view(np.uint8).reshape(-1)
               for name in ("F16", "Q4_0", "Q5_0", "Q8_0")}
    save_file({"values": values, **encoded}, folder / "encoded.safetensors")
