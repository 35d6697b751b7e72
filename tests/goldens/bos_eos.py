#!/usr/bin/env python3
"""Writes bos_eos.json: every way in which a folder can say what its tokenizer is and which special tokens
it has and adds, and the ids that `AutoTokenizer` gives then. See README.md.

    python bos_eos.py

A grid is a list of axes, an axis a list of patches, a variant one patch of every axis, applied in order:
`base` names the folder whose tokenizer.json is patched; any other key is a file, of which the fields given
are set. `"tokenizer.json": null` puts vocab.json and merges.txt in its place. Variants come in the order of
itertools.product; `readings` holds for each the index of its ids, or null where transformers refuses.
"""

import itertools
import json
import pathlib
import tempfile

import transformers
from transformers import AutoTokenizer

HERE = pathlib.Path(__file__).parent
TEXTS = [
    "", "The harbour was quiet.", "  two  spaces, 1871\n", "a<s>special</s> b", "it's we'LL naïve 日本",
    "x <|endoftext|>[PAD] <new>  y", "e\u0301 decomposed", "the ferry",
]
BYTES, SPACES = {"base": "tokenizer_bytelevel"}, {"base": "tokenizer_metaspace"}
FILES = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "config.json"]


def config(**fields):
    return {"tokenizer_config.json": fields}


def special(content, **flags):
    return dict(content=content, lstrip=False, rstrip=False, normalized=False, single_word=False,
                special=True) | flags


def as_object(content, **flags):
    token = special(content, **flags)
    del token["special"]
    return {"__type": "AddedToken"} | token


def template(bos, eos, before, after):
    def one(token):
        return {"SpecialToken": {"id": token, "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    ids = {"<s>": bos, "</s>": eos}
    single = [one("<s>")] * before + [text] + [one("</s>")] * after
    used = ["<s>"] * bool(before) + ["</s>"] * bool(after)
    return {"type": "TemplateProcessing", "single": single, "pair": single + [{"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {token: {"id": token, "ids": [ids[token]], "tokens": [token]} for token in used}}


def processors(bos, eos):
    by_bytes = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    found = [None, template(bos, eos, 1, 0), template(bos, eos, 1, 1), template(bos, eos, 0, 1), by_bytes,
             {"type": "Sequence", "processors": [by_bytes, template(bos, eos, 1, 0)]}]
    return [{"tokenizer.json": {"post_processor": one}} for one in found]


NAMED = config(bos_token="<s>", eos_token="</s>")
CLASSES = [{}] + [config(tokenizer_class=name) for name in [
    "PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend", "GPT2Tokenizer", "GPT2TokenizerFast",
    "GPTNeoXTokenizerFast", "LlamaTokenizer", "LlamaTokenizerFast", "Qwen2Tokenizer", "Qwen2TokenizerFast",
    "GemmaTokenizer", "GemmaTokenizerFast", "NobodysTokenizer"]]
FEW = [config(tokenizer_class=name) for name in [
    "PreTrainedTokenizerFast", "GPT2Tokenizer", "GPTNeoXTokenizer", "LlamaTokenizer", "Qwen2Tokenizer",
    "GemmaTokenizer"]]
FAMILIES = [{}] + [{"config.json": {"model_type": name}} for name in [
    "gemma2", "gemma3_text", "gpt2", "gpt_neo", "gpt_neox", "granite", "llama", "mistral", "olmo2", "opt", "phi", "phi3",
    "qwen2", "qwen3", "smollm3", "stablelm", "starcoder2"]]
BY_CONFIG = [{"config.json": {"model_type": "llama", "tokenizer_class": name}} for name in [
    "GPT2Tokenizer", "Qwen2TokenizerFast", "PreTrainedTokenizerFast"]]
ADD = [config(**({} if bos == "" else {"add_bos_token": bos}), **({} if eos == "" else {"add_eos_token": eos}))
       for bos in ["", True, False, None] for eos in ["", True, False]]
SPECIALS = [
    {},
    config(bos_token="<s>"),
    config(bos_token=None, eos_token=None, unk_token=None, pad_token=None),
    config(bos_token=as_object("<s>"), eos_token=as_object("</s>", lstrip=True)),
    config(bos_token="<new>", eos_token="</s>"),
    config(bos_token="<s>", eos_token="<new>"),
    config(bos_token=as_object("<new>", normalized=True, rstrip=True), eos_token="<new>"),
    config(bos_token="<s>", eos_token="</s>", pad_token="[PAD]"),
    config(bos_token="<s>", eos_token="</s>", pad_token=as_object("[PAD]", lstrip=True)),
    config(bos_token="<s>", eos_token="</s>", unk_token="[PAD]", pad_token="[PAD]"),
    config(bos_token="<s>", eos_token="<|endoftext|>"),
    config(bos_token="the", eos_token="ferry"),
    config(bos_token="<s>", eos_token="</s>", additional_special_tokens=["<new>", "[PAD]"]),
    config(bos_token="<s>", eos_token="</s>", extra_special_tokens={"image_token": "<new>"}),
    config(bos_token="<s>", eos_token="</s>", image_token="<new>", audio_token=as_object("[PAD]")),
    config(bos_token="<s>", eos_token="</s>", split_special_tokens=True),
    config(bos_token="<s>", eos_token="</s>", added_tokens_decoder={}),
    config(bos_token="<s>", eos_token="</s>", added_tokens_decoder={"0": special("</s>"), "1": special("<s>")}),
    config(bos_token="<s>", eos_token="</s>", added_tokens_decoder={"7": special("<s>", lstrip=True, rstrip=True)}),
    config(bos_token="<s>", eos_token="</s>", added_tokens_decoder={"500": special("<new>"), "450": special("[PAD]")}),
    config(pad_token="[PAD]", added_tokens_decoder={"450": special("[PAD]", special=False, normalized=True)}),
    config(eos_token="</s>") | {"special_tokens_map.json": {"bos_token": "<s>", "eos_token": "<new>"}},
    config(eos_token="</s>") | {"special_tokens_map.json": {"eos_token": special("</s>", rstrip=True)}},
    config(added_tokens_decoder={}) | {"special_tokens_map.json": {"eos_token": "<new>"}},
    {"special_tokens_map.json": {"bos_token": "<s>", "additional_special_tokens": ["<new>"]}},
    {"added_tokens.json": {"<new>": 600, "[PAD]": 450}},
    config(pad_token="[PAD]") | {"added_tokens.json": {"[PAD]": 450}},
    config(pad_token="[PAD]", added_tokens_decoder={}) | {"added_tokens.json": {"<new>": 450}},
    {"tokenizer.json": {"added_tokens": []}},
    NAMED | {"tokenizer.json": {"added_tokens": []}},
    NAMED | {"tokenizer.json": {"padding": {
        "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": 9, "pad_type_id": 0,
        "pad_token": "[PAD]"}}},
    NAMED | {"tokenizer.json": {"truncation": {
        "direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}}},
    config(bos_token="<s>", eos_token="</s>", add_prefix_space=True),
    config(bos_token="<s>", eos_token="</s>", add_prefix_space=False),
    config(bos_token="<s>", eos_token="</s>", legacy=True),
    config(bos_token="<s>", eos_token="</s>", legacy=False),
    config(bos_token=7),
    config(bos_token={"lstrip": True}),
]
DIGITS = {"tokenizer.json": {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Digits", "individual_digits": True},
    {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]}}}
VOCABULARY_ONLY = {"tokenizer.json": None}
BYTE_CLASSES = [config(tokenizer_class=name) for name in ["GPT2Tokenizer", "GPTNeoXTokenizerFast", "Qwen2Tokenizer"]]

GRIDS = {
    "classes and families": [[BYTES, SPACES], [NAMED], CLASSES, FAMILIES + BY_CONFIG],
    "who adds BOS and EOS, bytes": [[BYTES], [NAMED], FEW, processors(0, 1), ADD],
    "who adds BOS and EOS, spaces": [[SPACES], [NAMED], FEW, processors(1, 2), ADD],
    "how special tokens are declared": [[BYTES, SPACES], FEW, SPECIALS],
    "another way of cutting": [[BYTES | DIGITS], [NAMED], FEW, FAMILIES],
    "no tokenizer.json": [[BYTES | VOCABULARY_ONLY], [NAMED], BYTE_CLASSES, ADD],
    "no tokenizer.json, by the family": [[BYTES | VOCABULARY_ONLY], [{}, NAMED], CLASSES, FAMILIES],
    "no tokenizer.json, special tokens": [[BYTES | VOCABULARY_ONLY], BYTE_CLASSES, [
        one for one in SPECIALS if "tokenizer.json" not in one]],
}


def variant(patches):
    """Every file's name and contents."""
    files = {}
    for name, fields in itertools.chain(*(patch.items() for patch in patches)):
        if name == "base":
            files["tokenizer.json"] = json.loads((HERE / fields / "tokenizer.json").read_text())
        elif fields is None:
            model = files.pop(name)["model"]
            files["vocab.json"] = model["vocab"]
            files["merges.txt"] = "".join(f"{a} {b}\n" for a, b in model["merges"])
        else:
            files.setdefault(name, {}).update(fields)
    return files


def read(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, contents in files.items():
            text = contents if isinstance(contents, str) else json.dumps(contents)
            (pathlib.Path(folder) / name).write_text(text)
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            if tokenizer.vocab_size < 10:  # It found no vocabulary, and goes on with special tokens alone.
                return None
            return [[tokenizer(text, add_special_tokens=added).input_ids for text in TEXTS] for added in [True, False]]
        except Exception:  # It refuses in many ways, some of them only once it meets a text.
            return None


def main():
    pinned = dict(line.split("==") for line in (HERE / "requirements.txt").read_text().split())
    assert transformers.__version__ == pinned["transformers"], "another transformers than requirements.txt pins"
    transformers.logging.set_verbosity_error()
    known, grids = {}, []
    for name, axes in GRIDS.items():
        readings = []
        for patches in itertools.product(*axes):
            found = read(variant(patches))
            key = json.dumps(found)
            readings.append(None if found is None else known.setdefault(key, len(known)))
        grids.append(dict(name=name, axes=axes, readings=readings))
        print(f"{name}: {len(readings)} variants, {readings.count(None)} refused")
    lines = [f' "texts": {json.dumps(TEXTS)}']
    lines += [' "grids": [\n  ' + ",\n  ".join(json.dumps(grid) for grid in grids) + "\n ]"]
    lines += [' "ids": [\n  ' + ",\n  ".join(known) + "\n ]"]
    (HERE / "bos_eos.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
