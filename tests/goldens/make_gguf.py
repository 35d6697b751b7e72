#!/usr/bin/env python3
"""Writes the goldens in the folder gguf: tiny models and tokenizers as llama.cpp's converter would write them, and what they
hold by the Python package gguf, transformers and sentencepiece. See README.md.

    python make_gguf.py            all of them
    python make_gguf.py FILE...    what real files hold, into gguf/real.json
"""

import hashlib
import json
import math
import pathlib
import sys

import gguf
import numpy as np
from safetensors.numpy import load_file, save_file

import gguf_encoded
import gguf_tokenizers

HERE = pathlib.Path(__file__).parent
TYPES = gguf.GGMLQuantizationType
READ = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
        "IQ4_NL", "IQ4_XS"]
# Where a block's half-precision numbers lie: random bytes there would be infinite at times.
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0]}


def random_blocks(name, shape, rng):
    """Every bit of the blocks is random, but for the half-precision numbers, which are finite, of both signs and of
    sizes from subnormal on."""
    if name in ("F32", "F16", "BF16"):
        values = rng.standard_normal(shape).astype(np.float32)
        data = gguf.quants.quantize(values, TYPES[name])
        return data.view(np.uint8) if name == "BF16" else data
    values, size = gguf.GGML_QUANT_SIZES[TYPES[name]]
    blocks = rng.integers(0, 256, (math.prod(shape) // values, size), dtype=np.uint8)
    for place in HALVES[name]:
        exponents = rng.integers(-24, 4, len(blocks))
        halves = (rng.standard_normal(len(blocks)) * 2.0**exponents).astype(np.float16)
        blocks[:, place:place + 2] = halves.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(*shape[:-1], -1)


def values_of(data, name):
    return gguf.quants.dequantize(data, TYPES[name]).astype(np.float32)


def digest(values):
    return hashlib.sha256(np.ascontiguousarray(values, dtype="<f4").tobytes()).hexdigest()


# Names, by hand: what llama.cpp calls the parts of a block that Hugging Face calls so.
LLAMA = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
         "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
         "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
GPT2 = {"ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm",
        "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}
NEOX = {"input_layernorm": "attn_norm", "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output",
        "post_attention_layernorm": "ffn_norm", "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down"}
SHARED = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
          "transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm",
          "gpt_neox.embed_in": "token_embd", "gpt_neox.final_layer_norm": "output_norm", "embed_out": "output"}
BLOCKS = {"model.layers.": LLAMA, "transformer.h.": GPT2, "gpt_neox.layers.": NEOX}


def new_name(name):
    stem, end = name.rsplit(".", 1)
    if stem in SHARED:
        return f"{SHARED[stem]}.{end}"
    for start, names in BLOCKS.items():
        if stem.startswith(start):
            layer, within = stem[len(start):].split(".", 1)
            return f"blk.{layer}.{names[within]}.{end}"
    raise KeyError(name)


def by_neighbours(data, heads):
    """Rows of the halves of each head by turns."""
    size = data.shape[0] // heads
    return data.reshape(heads, 2, size // 2, -1).swapaxes(1, 2).reshape(data.shape)


def thirds(data, heads):
    """Queries of all heads, then keys, then values."""
    size = data.shape[0] // heads // 3
    return data.reshape(heads, 3, size, -1).swapaxes(0, 1).reshape(data.shape)


def converted(folder, config, whole=False):
    """Tensors of the first layer, or of all, and those of no layer, under llama.cpp's names and in its order."""
    kind = config["model_type"]
    heads = config.get("num_attention_heads", config.get("n_head"))
    kv_heads = config.get("num_key_value_heads", heads)
    tensors, norms = {}, {}
    for name, data in load_file(folder / "model.safetensors").items():
        parts = name.split(".")
        if not whole and any(part.isdigit() and part != "0" for part in parts) and ".norms." not in name:
            continue
        if ".norms." in name:
            if ".layers.0." in name:
                side = "q" if "q_layernorm" in name else "k"
                norms.setdefault(f"blk.0.attn_{side}_norm.weight", {})[int(parts[-2])] = data
            continue
        turned = kind in ("llama", "mistral")
        if turned and ".q_proj." in name:
            data = by_neighbours(data, heads)
        if turned and ".k_proj." in name:
            data = by_neighbours(data, kv_heads)
        if kind == "gpt_neox" and ".query_key_value." in name:
            data = thirds(data, heads)
        if kind == "gpt2" and name.endswith(".weight") and ".attn.c_" in name or ".mlp.c_" in name and data.ndim == 2:
            data = data.T.copy()
        tensors[new_name(name)] = data
    for name, heads in norms.items():
        tensors[name] = np.stack([heads[head] for head in sorted(heads)])
    return tensors


def rope_factors(rope, head_dim):
    """By how much llama.cpp stretches each wave of Llama 3."""
    context = rope["original_max_position_embeddings"]
    factors = []
    for place in range(head_dim // 2):
        wave = 2 * math.pi * rope["rope_theta"] ** (2 * place / head_dim)
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        smooth = min(max((context / wave - low) / (high - low), 0), 1)
        factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return np.array(factors, dtype=np.float32)


def add_tokens(writer, count):
    """As many tokens as the embedding has rows; nothing is said of merging."""
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([f"t{token}" for token in range(count)])


def add_tokenizer(writer, folder):
    """A tokenizer of bytes and merges, with a token at the beginning."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    special = [token["id"] for token in tokenizer["added_tokens"]]
    tokens = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in special else 1 for token in range(len(tokens))])
    writer.add_token_merges([" ".join(merge) if isinstance(merge, list) else merge
                             for merge in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(2)
    writer.add_add_bos_token(True)


def write(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gpt2": "gpt2",
                 "gpt_neox": "gptneox", "stablelm": "stablelm"}


LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=8192)


def write_model(golden, whole=False, **options):
    """A golden's first layer as a GGUF file; or the whole model with its tokenizer, matrices in blocks of 8 bits."""
    config = json.loads((HERE / golden / "config.json").read_text())
    take = lambda *names: next((config[name] for name in names if config.get(name) is not None), None)
    writer = gguf.GGUFWriter(HERE / "gguf" / f"{golden}.gguf", ARCHITECTURES[config["model_type"]], **options)
    hidden, heads = take("hidden_size", "n_embd"), take("num_attention_heads", "n_head")
    head_dim = take("head_dim") or hidden // heads
    writer.add_context_length(take("max_position_embeddings", "n_positions"))
    writer.add_embedding_length(hidden)
    writer.add_block_count(config["num_hidden_layers"] if whole else 1)
    writer.add_feed_forward_length(take("intermediate_size", "n_inner") or 4 * hidden)
    writer.add_head_count(heads)
    writer.add_head_count_kv(take("num_key_value_heads") or heads)
    if take("head_dim"):
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    rms = take("rms_norm_eps")
    if rms is not None:
        writer.add_layer_norm_rms_eps(rms)
    else:
        writer.add_layer_norm_eps(take("layer_norm_eps", "layer_norm_epsilon"))
    if golden == "llama_rope_llama3":
        # Those of Llama 3.1: of others, the file does not say what they are made of.
        config |= dict(rope_theta=500000.0, rope_scaling=LLAMA3)
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    theta = rope.get("rope_theta") or take("rope_theta", "rotary_emb_base")
    share = rope.get("partial_rotary_factor") or take("partial_rotary_factor", "rotary_pct")
    if theta:
        writer.add_rope_freq_base(theta)
        writer.add_rope_dimension_count(int(head_dim * (share or 1)))
    if "use_parallel_residual" in config:
        writer.add_parallel_residual(config["use_parallel_residual"])
    tensors = converted(HERE / golden, config, whole)
    if whole:
        add_tokenizer(writer, HERE / golden)
    else:
        add_tokens(writer, config["vocab_size"])
    for name, data in tensors.items():
        if whole and data.ndim == 2:
            writer.add_tensor(name, gguf.quants.quantize(data, TYPES.Q8_0), raw_dtype=TYPES.Q8_0)
        else:
            writer.add_tensor(name, data)
    if rope.get("rope_type") == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_factors({"rope_theta": theta, **rope}, head_dim))
    write(writer)


def write_types():
    """A model of two layers with a matrix of each type, digests of their values, and two rows of each type in full."""
    rng = np.random.default_rng(1)
    writer = gguf.GGUFWriter(HERE / "gguf" / "types.gguf", "llama")
    heads, head_dim, hidden, inner, vocabulary = 2, 8, 256, 32, 16
    writer.add_context_length(64)
    writer.add_embedding_length(hidden)
    writer.add_block_count(2)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(1)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_layer_norm_rms_eps(1e-5)
    add_tokens(writer, vocabulary)
    shapes = {"attn_q": (heads * head_dim, hidden), "attn_k": (head_dim, hidden), "attn_v": (head_dim, hidden),
              "attn_output": (hidden, heads * head_dim), "ffn_gate": (inner, hidden), "ffn_up": (inner, hidden),
              "ffn_down": (hidden, inner)}
    types = [dict(attn_q="Q2_K", attn_k="Q3_K", attn_v="Q4_K", attn_output="BF16", ffn_gate="Q5_K", ffn_up="Q6_K",
                  ffn_down="Q4_0"),
             dict(attn_q="IQ4_XS", attn_k="Q8_0", attn_v="IQ4_NL", attn_output="F16", ffn_gate="Q4_1", ffn_up="Q5_1",
                  ffn_down="Q5_0")]
    digests = {}

    def add(name, kind, shape):
        data = random_blocks(kind, shape, rng)
        writer.add_tensor(name, data, raw_dtype=TYPES[kind])
        values = values_of(data, kind)
        assert np.isfinite(values).all() and values.shape == shape, name
        digests[name] = dict(type=kind, values=digest(values))

    add("token_embd.weight", "Q8_0", (vocabulary, hidden))
    for layer, of_layer in enumerate(types):
        for norm in ("attn_norm", "ffn_norm"):
            add(f"blk.{layer}.{norm}.weight", "F32", (hidden,))
        for name, kind in of_layer.items():
            add(f"blk.{layer}.{name}.weight", kind, shapes[name])
    add("output_norm.weight", "F32", (hidden,))
    write(writer)
    (HERE / "gguf" / "types.json").write_text(json.dumps(digests, indent=1) + "\n")
    assert {entry["type"] for entry in digests.values()} == set(READ)
    blocks = {}
    for kind in READ:
        data = random_blocks(kind, (2, 256), rng)
        blocks[f"{kind}.blocks"] = np.ascontiguousarray(data).view(np.uint8).reshape(-1)
        blocks[f"{kind}.values"] = values_of(data, kind).reshape(-1)
    save_file(blocks, HERE / "gguf" / "blocks.safetensors")


SEEDS = HERE.parent / "fuzz" / "seeds" / "gguf"


def write_seed(name, architecture, kind="F32", pieces=False, alignment=None, **more):
    """The smallest model of an architecture that is opened: what the fuzzer begins with."""
    rng = np.random.default_rng(3)
    SEEDS.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(SEEDS / name, architecture)
    if alignment:
        writer.add_custom_alignment(alignment)
    width = gguf.GGML_QUANT_SIZES[TYPES[kind]][0]
    hidden, inner = max(4, width), max(4, width)
    writer.add_context_length(8)
    writer.add_embedding_length(hidden)
    writer.add_block_count(1)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(2)
    if architecture in ("gpt2", "gptneox", "stablelm", "starcoder2"):
        writer.add_layer_norm_eps(1e-5)
    else:
        writer.add_layer_norm_rms_eps(1e-6)
    if architecture == "gemma3":
        writer.add_sliding_window(4)
    tokens = ["<e>", "a", "b", "ab", "\u2581" if pieces else "\u0120", "[P]"]
    writer.add_tokenizer_model("llama" if pieces else "gpt2")
    writer.add_tokenizer_pre("default" if pieces else more.get("pre", "gpt-2"))
    writer.add_token_list(tokens)
    writer.add_token_types([3, 1, 1, 1, 1, 5])
    writer.add_bos_token_id(0)
    if pieces:
        writer.add_token_scores([0.0, -3.0, -2.0, -1.0, -4.0, -5.0])
    else:
        writer.add_token_merges(["a b"])
    fused = architecture in ("gpt2", "gptneox")
    matrices = dict(attn_output=hidden, ffn_up=inner, ffn_down=hidden)
    matrices |= dict(attn_qkv=3 * hidden) if fused else dict(attn_q=hidden, attn_k=hidden, attn_v=hidden)
    if architecture not in ("gpt2", "gptneox", "starcoder2"):
        matrices |= dict(ffn_gate=inner)
    add = lambda name, kind, shape: writer.add_tensor(name, random_blocks(kind, shape, rng), raw_dtype=TYPES[kind])
    add("token_embd.weight", kind, (len(tokens), hidden))
    if architecture == "gpt2":
        add("position_embd.weight", kind, (8, hidden))
    if architecture == "stablelm":
        add("blk.0.attn_q_norm.weight", "F32", (2, hidden // 2))
        add("blk.0.attn_k_norm.weight", "F32", (2, hidden // 2))
        add("output.weight", kind, (len(tokens), hidden))
    if more.get("factors"):
        add("rope_freqs.weight", "F32", (hidden // 4,))
    for norm in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        add(f"{norm}.weight", "F32", (hidden,))
        if fused or architecture == "stablelm":
            add(f"{norm}.bias", "F32", (hidden,))
    for matrix, rows in matrices.items():
        add(f"blk.0.{matrix}.weight", kind, (rows, hidden))
        if fused or architecture == "qwen2" and matrix in ("attn_q", "attn_k", "attn_v"):
            add(f"blk.0.{matrix}.bias", "F32", (rows,))
    write(writer)


def write_seeds():
    for architecture in ("llama", "qwen2", "gpt2", "gptneox", "stablelm"):
        write_seed(architecture, architecture, pre="qwen2" if architecture == "qwen2" else "gpt-2")
    write_seed("pieces", "llama", pieces=True, alignment=8)
    write_seed("gemma3", "gemma3", pieces=True)
    write_seed("factors", "llama", factors=True, pre="llama-bpe")
    for kind in ("F16", "BF16", "Q4_0", "Q5_1", "Q8_0", "IQ4_NL"):
        write_seed(kind.lower(), "llama", kind, alignment=8)


def plain_name(name, architecture):
    """Hugging Face's name of a real file's tensor."""
    names = {new: old for old, new in LLAMA.items()}
    stem, end = name.rsplit(".", 1)
    if architecture == "gemma3":
        names |= {"post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm",
                  "post_ffw_norm": "post_feedforward_layernorm"}
    shared = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
    if stem in shared:
        return f"{shared[stem]}.{end}"
    _, layer, within = stem.split(".", 2)
    return f"model.layers.{layer}.{names[within]}.{end}"


def real_values(reader, architecture):
    """The tensors of a real file, as transformers has them, one after another."""
    field = lambda name: reader.fields[f"{architecture}.{name}"].contents()
    heads, kv_heads = field("attention.head_count"), field("attention.head_count_kv")
    for tensor in reader.tensors:
        values = values_of(tensor.data, tensor.tensor_type.name)
        name = plain_name(tensor.name, architecture)
        if architecture == "llama" and (".q_proj." in name or ".k_proj." in name):
            count = heads if ".q_proj." in name else kv_heads
            size = values.shape[0] // count
            values = values.reshape(count, size // 2, 2, -1).swapaxes(1, 2).reshape(values.shape)
        if architecture == "gemma3" and "norm" in name:
            values = values - np.float32(1)
        yield name, values


def write_real(paths):
    """What real files hold: a digest of each file's values, and ids of texts."""
    place = HERE / "gguf" / "real.json"
    found = json.loads(place.read_text()) if place.exists() else {}
    for path in paths:
        reader = gguf.GGUFReader(path)
        architecture = reader.fields["general.architecture"].contents()
        lines = sorted(f"{name} {list(values.shape)} {digest(values)}\n"
                       for name, values in real_values(reader, architecture))
        found[pathlib.Path(path).name] = dict(
            tensors=len(lines), values=hashlib.sha256("".join(lines).encode()).hexdigest(),
            texts=gguf_tokenizers.real(reader, architecture))
    place.write_text(gguf_tokenizers.lines(found))


if __name__ == "__main__":
    (HERE / "gguf").mkdir(exist_ok=True)
    if sys.argv[1:]:
        write_real(sys.argv[1:])
    else:
        write_types()
        gguf_encoded.write(HERE / "gguf")
        write_seeds()
        for golden in ("llama", "qwen3", "gpt2", "gpt_neox", "stablelm_parallel", "llama_rope_llama3", "mistral",
                       "llama_bias"):
            write_model(golden)
        write_model("qwen2", split_max_tensors=6)
        write_model("demo", whole=True)
        gguf_tokenizers.write(HERE / "gguf")
