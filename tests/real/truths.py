"""What `transformers` computes with three real models, read from the same GGUF files by its own reader: tests/real/truths.json.

    python tests/real/truths.py FOLDER

FOLDER is where `gguf_files.py` left the files; texts are those of ../shared/data. Float32, on the processor. Windows are those of
the lab: 256 tokens, the first of them BOS where the tokenizer adds one to a text; for the losses without a layer only full ones.
"""

import hashlib
import json
import math
import pathlib
import sys

import torch
import transformers

HERE = pathlib.Path(__file__).parent
DATA = HERE.parent.parent.parent / "shared" / "data"
FILES = ("smollm2.gguf", "gemma3.gguf", "qwen.gguf")
WINDOW = 256
PROMPT = "The capital of France is"
SYSTEM = "Answer in one sentence."
QUESTION = "What is the capital of France?"


def windows(tokenizer, text):
    whole, bare = tokenizer(text)["input_ids"], tokenizer(text, add_special_tokens=False)["input_ids"]
    bos = whole[:1] if len(whole) > len(bare) else []
    size = WINDOW - len(bos)
    return [bos + bare[begin:begin + size] for begin in range(0, len(bare), size)]


def loss(model, parts):
    """Summed over predicted tokens, in nats, and how many they are."""
    total, count = 0.0, 0
    for ids in parts:
        if len(ids) < 2:
            continue
        ids = torch.tensor([ids])
        logits = model(ids, use_cache=False).logits[0, :-1].float()
        total += torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").double().item()
        count += ids.shape[1] - 1
    return total, count


class Passed(torch.nn.Module):
    """In place of a block: what goes in comes out."""

    def forward(self, hidden_states, *_, **__):
        return hidden_states


def without_each(model, parts):
    layers = model.model.layers
    for layer in range(len(layers)):
        block = layers[layer]
        layers[layer] = Passed()
        # Blocks are chosen by what their own kind of attention is.
        for name in ("attention_type", "layer_type"):
            if hasattr(block, name):
                setattr(layers[layer], name, getattr(block, name))
        total, count = loss(model, parts)
        layers[layer] = block
        yield total / count


def answered(model, tokenizer):
    """The greedy answer in a conversation by the model's chat template, up to where the model ends its turn; none of a model
    without a template."""
    if tokenizer.chat_template is None:
        return None
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")["input_ids"]
    ends = [tokenizer.convert_tokens_to_ids(end) for end in ("<|im_end|>", "<end_of_turn>")]
    ends = [tokenizer.eos_token_id] + [end for end in ends if end is not None and end != tokenizer.unk_token_id]
    said = model.generate(ids, max_new_tokens=24, do_sample=False, eos_token_id=ends)[0][ids.shape[1]:]
    return {
        "system": SYSTEM, "question": QUESTION, "read_as": text, "ids": ids[0].tolist(),
        "greedy": tokenizer.decode(said, skip_special_tokens=True),
    }


@torch.no_grad()
def truth(path):
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
    parts = {name: windows(tokenizer, (DATA / f"{name}.txt").read_text(encoding="utf-8")) for name in ("wiki", "wiki_eval")}
    total, count = loss(model, parts["wiki_eval"])
    full = [ids for ids in parts["wiki"] if len(ids) == WINDOW]
    whole, predicted = loss(model, full)
    prompt = tokenizer(PROMPT, return_tensors="pt")
    said = model.generate(**prompt, max_new_tokens=24, do_sample=False)[0][prompt["input_ids"].shape[1]:]
    found = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "perplexity": math.exp(total / count), "tokens": count,
        "loss": whole / predicted, "sequences": len(full),
        "losses_without": list(without_each(model, full)),
        "prompt": PROMPT, "greedy": tokenizer.decode(said, skip_special_tokens=True),
        "chat": answered(model, tokenizer),
    }
    print(path.name, found["perplexity"], found["greedy"], flush=True)
    return found


if __name__ == "__main__":
    transformers.utils.logging.disable_progress_bar()
    folder = pathlib.Path(sys.argv[1])
    found = {name: truth(folder / name) for name in FILES}
    found = {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0], "files": found}
    (HERE / "truths.json").write_text(json.dumps(found, indent=1) + "\n")
