"""Atlas as ONNX, for the benchmark beside onnxruntime-web: token ids in, logits out.

    python tests/bench/onnx_export.py MODEL_FOLDER FILE.onnx
"""

import sys

import torch
from transformers import AutoModelForCausalLM


class Logits(torch.nn.Module):
    """The model without its cache, as a forward pass needs it."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids):
        return self.model(input_ids=input_ids, use_cache=False).logits


def main(folder, file):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    ids = torch.randint(0, model.config.vocab_size, (2, 32))
    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens")
    torch.onnx.export(
        Logits(model.eval()),
        (ids,),
        file,
        input_names=["input_ids"],
        output_names=["logits"],
        dynamic_shapes={"input_ids": {0: batch, 1: tokens}},
        dynamo=True,
        external_data=False,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
