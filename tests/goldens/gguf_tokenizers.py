"""Tokenizers of tests/goldens/make_gguf.py: tiny ones in GGUF files and what Hugging Face's library makes of the same vocabulary, and
real ones. Run by make_gguf.py."""

import json
import pathlib
import tempfile

import gguf
import numpy as np
from tokenizers import (
    AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers,
)

import text as words

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)

TEXTS = words.PROBES + [
    "Hello, world! It's 2024-05-17; x = 3.14159 * (y - 42)", "def f(n):\n    return n if n < 2 else f(n - 1)\n",
    "🙂👩\u200d🚀 🇩🇪", "a" + " " * 40 + "b", "\n" * 5 + "x\n\n\ty", "<|endoftext|>after<|endoftext|> it",
    "tabs\t\t\tand   runs    of     spaces", "don't DON'T we'Ll", "½ ² ३४ 五", "﷽ ﬁ Å", "<tool>call</tool> <tool>",
    "<end_of_turn>\n<start_of_turn>model\n", "<|im_start|>user\nHi<|im_end|>\n", "x\u2581y \u2581\u2581 z", "<table><td>1</td></table>",
]

LLAMA3 = words.SPLIT
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def level(use_regex):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


def split(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), level(False)])


# tokenizer.ggml.pre: how Hugging Face's folders cut text, and the architecture of the file.
CUTTING = {
    "gpt-2": (None, level(True), "gpt2"),
    "olmo": (normalizers.NFC(), level(True), "gptneox"),
    "smollm": (None, pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), level(True)]), "llama"),
    "llama-bpe": (None, split(LLAMA3), "llama"),
    "qwen2": (normalizers.NFC(), split(QWEN2), "qwen2"),
}


def byte_level(normalizer, cutting, vocabulary, merges, special, user_defined, ignore_merges=False):
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=ignore_merges))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = cutting
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    tokenizer.add_tokens([AddedToken(token, normalized=False, special=False) for token in user_defined])
    return tokenizer


def golden(tokenizer, texts=TEXTS):
    return [dict(text=text, ids=tokenizer.encode(text, add_special_tokens=False).ids,
                 decoded=tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids, skip_special_tokens=False))
            for text in texts]


def lines(found):
    """JSON with a line for each text."""
    def line(entry):
        return json.dumps(entry, ensure_ascii=True, separators=(",", ":"))

    of = lambda name, entry: (
        f"{json.dumps(name)}:{{" + "".join(f"{json.dumps(key)}:{line(value)}," for key, value in entry.items() if key != "texts")
        + '"texts":[\n' + ",\n".join(line(text) for text in entry["texts"]) + "\n]}")
    return "{\n" + ",\n".join(of(name, entry) for name, entry in sorted(found.items())) + "\n}\n"


def write_file(path, architecture, tokens, types, fill):
    """A model of one layer, no more than what a vocabulary needs to be opened."""
    rng = np.random.default_rng(len(tokens))
    writer = gguf.GGUFWriter(path, architecture)
    hidden, inner = 32, 32
    writer.add_context_length(64)
    writer.add_embedding_length(hidden)
    writer.add_block_count(1)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_layer_norm_eps(1e-5)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    fill(writer)
    names = {"gpt2": "attn_qkv", "gptneox": "attn_qkv"}
    fused = architecture in names
    shapes = {"ffn_up": (inner, hidden), "ffn_down": (hidden, inner), "attn_output": (hidden, hidden)}
    shapes |= {"attn_qkv": (3 * hidden, hidden)} if fused else {
        "attn_q": (hidden, hidden), "attn_k": (hidden, hidden), "attn_v": (hidden, hidden), "ffn_gate": (inner, hidden)}
    quantised = lambda shape: gguf.quants.quantize(rng.standard_normal(shape).astype(np.float32),
                                                   gguf.GGMLQuantizationType.Q4_0)
    add = lambda name, shape: writer.add_tensor(name, quantised(shape), raw_dtype=gguf.GGMLQuantizationType.Q4_0)
    plain = lambda name, size: writer.add_tensor(name, rng.standard_normal(size).astype(np.float32))
    add("token_embd.weight", (len(tokens), hidden))
    if architecture == "gpt2":
        add("position_embd.weight", (64, hidden))
    biases = fused or architecture == "qwen2"
    norms = ["output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"]
    if architecture == "gemma3":
        norms += ["blk.0.post_attention_norm", "blk.0.post_ffw_norm"]
        plain("blk.0.attn_q_norm.weight", hidden // 2)
        plain("blk.0.attn_k_norm.weight", hidden // 2)
    for norm in norms:
        plain(f"{norm}.weight", hidden)
        if fused:
            plain(f"{norm}.bias", hidden)
    for name, shape in shapes.items():
        add(f"blk.0.{name}.weight", shape)
        if fused or architecture == "qwen2" and name in ("attn_q", "attn_k", "attn_v"):
            plain(f"blk.0.{name}.bias", shape[0])
    if architecture == "gptneox":
        add("output.weight", (len(tokens), hidden))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_byte_level(folder, name):
    normalizer, cutting, architecture = CUTTING[name]
    trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = cutting
    trained.train_from_iterator(words.SENTENCES + TEXTS, trainer)
    model = json.loads(trained.to_str())["model"]
    vocabulary, merges = model["vocab"], [tuple(merge) for merge in model["merges"]]
    tokens = sorted(vocabulary, key=vocabulary.get)
    types = [NORMAL] * len(tokens)
    special, user_defined = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], ["<tool>", "  \t"]
    tokens += special + user_defined + ["[PAD0]", "[PAD1]"]
    types += [CONTROL] * 3 + [USER_DEFINED] * 2 + [UNUSED] * 2
    end = tokens.index("<|endoftext|>")

    def fill(writer):
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(name)
        writer.add_token_merges([" ".join(merge) for merge in merges])
        writer.add_bos_token_id(end)
        writer.add_eos_token_id(end)
        writer.add_eot_token_id(tokens.index("<|im_end|>"))
        writer.add_add_bos_token(name == "llama-bpe")
        writer.add_chat_template("{{ messages }}")

    write_file(folder / f"tokenizer_{name}.gguf", architecture, tokens, types, fill)
    expected = byte_level(normalizer, cutting, vocabulary, merges, special, user_defined, name == "llama-bpe")
    for token in special + user_defined:
        assert expected.token_to_id(token) == tokens.index(token)
    return dict(bos=end if name == "llama-bpe" else None, texts=golden(expected))


def proto_of(pieces, gemma):
    """A SentencePiece model of pieces, scores and types."""
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto()
    for piece, score, kind in pieces:
        proto.pieces.add(piece=piece, score=score, type=kind)
    proto.trainer_spec.model_type = 2
    proto.trainer_spec.byte_fallback = True
    unknown = next(piece for piece, _, kind in pieces if kind == UNKNOWN)
    proto.trainer_spec.unk_piece = unknown
    ids = {piece: place for place, (piece, _, _) in enumerate(pieces)}
    proto.trainer_spec.unk_id = ids[unknown]
    proto.trainer_spec.bos_id = ids["<bos>" if gemma else "<s>"]
    proto.trainer_spec.eos_id = ids["<eos>" if gemma else "</s>"]
    proto.trainer_spec.pad_id = 0 if gemma else -1
    proto.normalizer_spec.name = "identity"
    proto.normalizer_spec.add_dummy_prefix = not gemma
    proto.normalizer_spec.remove_extra_whitespaces = False
    proto.normalizer_spec.escape_whitespaces = True
    return proto


def by_transformers(proto, gemma):
    """The tokenizer that transformers makes of a SentencePiece model, with the merges that its converter makes of scores:
    Llama's and Gemma's tokenizer.json on the Hub were made so."""
    from transformers import GemmaTokenizer, LlamaTokenizer
    from transformers.convert_slow_tokenizer import generate_merges

    vocabulary = {piece.piece: place for place, piece in enumerate(proto.pieces)}
    merges = generate_merges(vocabulary, {piece.piece: piece.score for piece in proto.pieces})
    made = (GemmaTokenizer if gemma else LlamaTokenizer)(vocab=vocabulary, merges=merges)
    tokenizer = made._tokenizer
    added = [AddedToken(piece.piece, normalized=False, special=piece.type == CONTROL)
             for piece in proto.pieces if piece.type in (CONTROL, USER_DEFINED, UNKNOWN)]
    tokenizer.add_tokens(added)
    return tokenizer


def write_pieces(folder, gemma):
    import sentencepiece

    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        (place / "text").write_text("\n".join((words.SENTENCES + [t for t in TEXTS if "\x00" not in t]) * 4))
        specials = dict(pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>",
                        user_defined_symbols=["<tool>", "</tool>", "<start_of_turn>", "<end_of_turn>"]
                        + ["\n" * count for count in range(1, 4)] + ["\u2581" * count for count in range(2, 9)]) if gemma else {}
        sentencepiece.SentencePieceTrainer.train(
            input=str(place / "text"), model_prefix=str(place / "m"), model_type="bpe", vocab_size=520, byte_fallback=True,
            character_coverage=0.98, normalization_rule_name="identity", remove_extra_whitespaces=False,
            add_dummy_prefix=not gemma, split_digits=True, allow_whitespace_only_pieces=True, minloglevel=2,
            hard_vocab_limit=False, **specials)
        model = sentencepiece.SentencePieceProcessor(model_file=str(place / "m.model"))
        kind = lambda i: (UNKNOWN if model.is_unknown(i) else CONTROL if model.is_control(i) else UNUSED if model.is_unused(i)
                          else BYTE if model.is_byte(i) else NORMAL)
        defined = set(specials.get("user_defined_symbols", []))
        pieces = [(model.id_to_piece(i), model.get_score(i),
                   USER_DEFINED if model.id_to_piece(i) in defined else kind(i)) for i in range(len(model))]
    proto = proto_of(pieces, gemma)
    stored = [(piece.replace("\u2581", " ") if kind == USER_DEFINED else piece, -1000.0 if kind in (CONTROL, USER_DEFINED) else score,
               kind) for piece, score, kind in pieces]
    if not gemma:
        stored[-1] = ("[PAD]", -10000.0, UNUSED)
        del proto.pieces[-1]
    tokens = [piece for piece, _, _ in stored]

    def fill(writer):
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_scores([score for _, score, _ in stored])
        writer.add_bos_token_id(2 if gemma else 1)
        writer.add_eos_token_id(1 if gemma else 2)
        writer.add_unk_token_id(3 if gemma else 0)
        writer.add_add_bos_token(True)
        writer.add_add_eos_token(False)
        if gemma:
            writer.add_pad_token_id(0)
            writer.add_add_space_prefix(False)
            writer.add_sliding_window(16)

    name = "gemma" if gemma else "pieces"
    write_file(folder / f"tokenizer_{name}.gguf", "gemma3" if gemma else "llama", tokens, [kind for _, _, kind in stored], fill)
    tokenizer = by_transformers(proto, gemma)
    return dict(bos=2 if gemma else 1, texts=golden(tokenizer))


def write(folder):
    found = {name: write_byte_level(folder, name) for name in CUTTING}
    found["pieces"] = write_pieces(folder, False)
    found["gemma"] = write_pieces(folder, True)
    (folder / "tokenizers.json").write_text(lines(found))


def real(reader, architecture):
    """Ids of texts by a real file's vocabulary."""
    field = lambda name: reader.fields.get(f"tokenizer.ggml.{name}")
    strings = lambda name: [bytes(field(name).parts[place]).decode() for place in field(name).data]
    numbers = lambda name: [field(name).parts[place][0].item() for place in field(name).data]
    tokens, types = strings("tokens"), numbers("token_type")
    if field("model").contents() == "gpt2":
        name = field("pre").contents()
        normalizer, cutting, _ = CUTTING[name]
        vocabulary = {token: place for place, token in enumerate(tokens) if types[place] == NORMAL}
        merges = [tuple(merge.split(" ")) for merge in strings("merges")]
        of = lambda kind: [token for token, found in zip(tokens, types) if found == kind]
        vocabulary |= {token: place for place, token in enumerate(tokens) if types[place] in (CONTROL, USER_DEFINED)}
        tokenizer = byte_level(normalizer, cutting, vocabulary, merges, of(CONTROL), of(USER_DEFINED))
    else:
        pieces = [(token.replace(" ", "\u2581") if kind == USER_DEFINED else token,
                   0.0 if kind in (CONTROL, USER_DEFINED) else score, UNKNOWN if token == "<unk>" else kind)
                  for token, score, kind in zip(tokens, numbers("scores"), types)]
        tokenizer = by_transformers(proto_of(pieces, True), True)
    prose = (pathlib.Path(__file__).parent / "demo" / "text.txt").read_text()[:1500]
    code = pathlib.Path(__file__).read_text()[:1500]
    return golden(tokenizer, TEXTS + [prose, code])
