"""Writes a random-weight Llama of 126 million parameters (503 MB as float32) for measurements.

    python tests/bench/random_model.py FOLDER

Tokenizer: the demo model's, whose ids are all below this vocabulary.
"""

import pathlib
import shutil
import sys

import torch
import transformers

CONFIG = transformers.LlamaConfig(
    vocab_size=16384,
    hidden_size=768,
    intermediate_size=3072,
    num_hidden_layers=12,
    num_attention_heads=12,
    num_key_value_heads=12,
    max_position_embeddings=1024,
    tie_word_embeddings=True,
    bos_token_id=0,
)


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(CONFIG).save_pretrained(folder)
    demo = pathlib.Path(__file__).parent.parent / "goldens" / "demo"
    for name in ["tokenizer.json", "tokenizer_config.json"]:
        shutil.copy(demo / name, folder)


if __name__ == "__main__":
    main()
