"""Writes a random-weight Llama for measurements; of 126 million parameters (503 MB as float32) unless told.

    python tests/bench/random_model.py FOLDER [LAYERS WIDTH [VOCABULARY]]

Tokenizer: the demo model's, whose ids are all below this vocabulary.
"""

import pathlib
import shutil
import sys

import torch
import transformers

def config(layers, width, vocabulary=16384):
    return transformers.LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        num_key_value_heads=width // 64,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=0,
    )


def main():
    folder = pathlib.Path(sys.argv[1])
    shape = map(int, sys.argv[2:] or (12, 768))
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config(*shape)).save_pretrained(folder)
    demo = pathlib.Path(__file__).parent.parent / "goldens" / "demo"
    for name in ["tokenizer.json", "tokenizer_config.json"]:
        shutil.copy(demo / name, folder)


if __name__ == "__main__":
    main()
