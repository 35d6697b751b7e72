"""Perplexity of a text by transformers, on the CPU in float32: windows of 256 tokens end to end, the last one shorter.

perplexity.py FOLDER TEXT, as `layerlab eval --window 256` takes it; prints the number alone.
"""

import math
import sys

import torch
import transformers

WINDOW = 256


def main():
    folder, text = sys.argv[1:]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with open(text, encoding="utf-8") as file:
        ids = tokenizer(file.read(), return_tensors="pt").input_ids
    loss, tokens = 0.0, 0
    with torch.inference_mode():
        for window in ids.split(WINDOW, dim=1):
            if window.shape[1] < 2:
                continue
            logits = model(window).logits[0, :-1].double()
            loss += torch.nn.functional.cross_entropy(logits, window[0, 1:], reduction="sum").item()
            tokens += window.shape[1] - 1
    print(math.exp(loss / tokens))


if __name__ == "__main__":
    main()
