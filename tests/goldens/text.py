"""The small tokenizers and the texts of the goldens; all sentences are ours."""

import json

from tokenizers import (
    Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers,
)
from transformers import AutoTokenizer

SENTENCES = [
    "The harbour was quiet when the ferry came in, and nobody on the quay waited for it.",
    "A baker in the old town sold eleven loaves before the sun stood over the bridge.",
    "Rain fell on the orchard all night; in the morning the apples lay in the wet grass.",
    "She counted the lamps along the river: one, two, three, and then the fog hid the rest.",
    "If you take away a layer, what is lost? Measure it, and then take away another.",
    "The teacher drew twelve boxes on the board and crossed out the fourth.",
    "Nobody knew who had built the tower, but everybody knew when it had begun to lean.",
    "In winter the lake froze so hard that carts crossed it, with straw under their wheels.",
    "He wrote the number 1024 on a card, turned it over and wrote 2048 on the back.",
    "The letter said: come soon, bring the map, and do not tell the ferryman where you go.",
    "Two foxes lived under the mill; the miller fed them and told his wife that he did not.",
    "When the music stopped, the children ran to the chairs, and one of them had none.",
]

PROBES = [
    "", " ", "a", "The harbour was quiet.", "  two  spaces  ", "line\nbreak\n\n", "\ttab",
    "1024 and 2048", "naïve café", "日本語", "🙂 emoji", "mixed: x=3; y-4!?", "É" * 3,
    "it's we'LL", "e\u0301 decomposed", "\u00a0wide\u3000spaces", "1234567", "\r\nwindows\r\n",
    "👩\u200d🚀 joined", "שלום مرحبا", "a<s>special</s> b", "   ", "\x00\x1f control",
]


# Llama 3's way of cutting text into words: contractions, letters, up to three digits, the rest.
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
         r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def begin_with_bos(bos):
    return processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", bos)])


def write_folder(folder, tokenizer, golden_name, **config):
    """tokenizer.json, tokenizer_config.json and what the tokenizer makes of the probes."""
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = dict(tokenizer_class="PreTrainedTokenizerFast", bos_token="<s>", eos_token="</s>",
                  model_max_length=128, **config)
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
    by_transformers = AutoTokenizer.from_pretrained(folder)
    golden = []
    for text in PROBES:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        with_special = tokenizer.encode(text).ids
        assert by_transformers(text).input_ids == with_special, f"transformers differs: {text!r}"
        golden.append(dict(text=text, ids=ids, with_special=with_special,
                           decoded=tokenizer.decode(ids)))
    (folder / golden_name).write_text(json.dumps(golden, indent=1) + "\n")


def train_byte_level(tokenizer, vocab_size):
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = begin_with_bos(0)


def write_byte_level(folder):
    """Byte-level BPE as GPT-2's, with BOS. Returns its vocabulary's size."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    train_byte_level(tokenizer, vocab_size=320)
    write_folder(folder, tokenizer, "tokenizer_golden.json", pad_token="<pad>")
    return tokenizer.get_vocab_size()


def write_split_byte_level(folder):
    """Byte-level BPE as Llama 3's and Qwen's: NFC, and words cut by a pattern with a look-ahead,
    which not every regular-expression engine has."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    train_byte_level(tokenizer, vocab_size=400)
    write_folder(folder, tokenizer, "golden.json", pad_token="<pad>")


def write_metaspace(folder):
    """BPE as Llama 2's: spaces are letters, a first one is added, and bytes stand in for what the
    vocabulary lacks. No pad token."""
    normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    # Trained within words; used on the whole text.
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=160))
    model = json.loads(trained.to_str())["model"]
    special = ["<unk>", "<s>", "</s>"]
    tokens = special + [f"<0x{byte:02X}>" for byte in range(256)]
    tokens += sorted(model["vocab"], key=model["vocab"].get)
    tokenizer = Tokenizer(models.BPE(
        vocab={token: i for i, token in enumerate(tokens)},
        merges=[tuple(pair) for pair in model["merges"]],
        unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.add_special_tokens(special)
    tokenizer.normalizer = normalizer
    tokenizer.post_processor = begin_with_bos(1)
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
        decoders.Strip(" ", 1, 0)])
    write_folder(folder, tokenizer, "golden.json", unk_token="<unk>")


def write_demo_text(folder):
    """Enough text for several sequences."""
    text = "\n".join(" ".join(SENTENCES[i:] + SENTENCES[:i]) for i in range(0, len(SENTENCES), 3))
    (folder / "text.txt").write_text(text + "\n")
