"""The small tokenizer and the texts of the goldens; all sentences are ours."""

import json

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

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
]


def write_tokenizer(folder):
    """Byte-level BPE whose post-processor adds BOS. Returns its vocabulary's size."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = dict(tokenizer_class="PreTrainedTokenizerFast", bos_token="<s>", eos_token="</s>",
                  pad_token="<pad>", model_max_length=128)
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
    golden = []
    for text in PROBES:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        golden.append(dict(text=text, ids=ids, with_special=tokenizer.encode(text).ids,
                           decoded=tokenizer.decode(ids)))
    (folder / "tokenizer_golden.json").write_text(json.dumps(golden, indent=1) + "\n")
    return tokenizer.get_vocab_size()


def write_demo_text(folder):
    """Enough text for several sequences."""
    text = "\n".join(" ".join(SENTENCES[i:] + SENTENCES[:i]) for i in range(0, len(SENTENCES), 3))
    (folder / "text.txt").write_text(text + "\n")
