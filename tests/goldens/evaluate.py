#!/usr/bin/env python3
"""What transformers makes of a text and of multiple-choice items, by the plain definitions: perplexity as in
its documentation, the choices as lm-evaluation-harness scores them, as plain text and in conversations. Prints JSON.

    python evaluate.py MODEL CHAT_TEMPLATE TEXT ITEMS...
    python evaluate.py demo chat/bars.jinja demo/text.txt tasks/truthful.json tasks/choices.jsonl > tasks/evaluation.json
"""

import json
import pathlib
import sys

import numpy
import torch
import transformers

# What the system says first, where choices are asked in conversations.
SYSTEM = "Be brief."


def log_likelihood(model, ids, start):
    """Of ids[start:] given what comes before, summed in nats."""
    with torch.no_grad():
        logits = model(torch.tensor([ids[:-1]])).logits[0].double()
    logs = logits.log_softmax(-1)
    return sum(logs[place - 1, ids[place]].item() for place in range(start, len(ids)))


def encode(tokenizer, text):
    """As it stands before a continuation: BOS where the tokenizer adds one, nothing after."""
    frame = tokenizer("")["input_ids"]
    bos = [tokenizer.bos_token_id] if frame[:1] == [tokenizer.bos_token_id] else []
    return bos + tokenizer(text, add_special_tokens=False)["input_ids"]


def windows(tokenizer, text, window, stride):
    """Windows of that many tokens at most, each beginning with BOS where the tokenizer adds one, and the place of the first
    token that is predicted."""
    ids = encode(tokenizer, text)
    bos = ids[:1] if ids[:1] == [tokenizer.bos_token_id] else []
    ids = ids[len(bos):]
    most = window - len(bos)
    predicted = 0
    for begin in range(0, len(ids), stride or most):
        end = min(begin + most, len(ids))
        start = max(len(bos) + predicted - begin, 1)
        if len(bos) + end - begin > start:
            yield bos + ids[begin:end], start
        predicted = end
        if end == len(ids):
            break


def perplexity(model, tokenizer, text, window, stride):
    """The sliding window of transformers' documentation, each token weighing the same."""
    loss, count = 0.0, 0
    for ids, start in windows(tokenizer, text, window, stride):
        loss -= log_likelihood(model, ids, start)
        count += len(ids) - start
    return {"window": window, "stride": stride, "tokens": count, "value": float(numpy.exp(loss / count))}


def documented_perplexity(model, tokenizer, text, window):
    """With the loss that the model itself gives for its labels, for windows end to end."""
    loss, count = 0.0, 0
    for ids, _ in windows(tokenizer, text, window, None):
        part = torch.tensor([ids])
        with torch.no_grad():
            loss += model(part, labels=part).loss.item() * (part.shape[1] - 1)
        count += part.shape[1] - 1
    return float(numpy.exp(loss / count))


def in_conversation(tokenizer, prompt):
    """Text and ids of a conversation in which the system and then the user speak, up to the model's answer."""
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": prompt}]
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    return text, tokenizer.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]


def choice_likelihoods(model, tokenizer, question, choices, chat):
    prompt = f"Q: {question}\nA:"
    if chat:
        text, asked = in_conversation(tokenizer, prompt)
        continued = [tokenizer(text + choice, add_special_tokens=False)["input_ids"] for choice in choices]
    else:
        asked = encode(tokenizer, prompt)
        continued = [encode(tokenizer, f"{prompt} {choice}") for choice in choices]
    start = len(asked)
    longest = model.config.max_position_embeddings
    found = []
    for ids in continued:
        surplus = max(len(ids) - 1 - longest, 0)
        found.append(log_likelihood(model, ids[surplus:], start - surplus))
    return numpy.array(found)


def multiple_choice(model, tokenizer, items, chat):
    right, right_norm, mc2 = [], [], []
    for item in items:
        if "mc1_targets" in item:
            choices, labels = zip(*item["mc1_targets"].items())
        else:
            choices = item["choices"]
            labels = [index == item["label"] for index in range(len(choices))]
        found = choice_likelihoods(model, tokenizer, item["question"], choices, chat)
        lengths = numpy.array([len(choice) for choice in choices])
        right.append(bool(labels[int(numpy.argmax(found))]))
        right_norm.append(bool(labels[int(numpy.argmax(found / lengths))]))
        if "mc2_targets" in item:
            choices, labels = zip(*item["mc2_targets"].items())
            shares = numpy.exp(choice_likelihoods(model, tokenizer, item["question"], choices, chat))
            mc2.append(float(shares[numpy.array(labels) == 1].sum() / shares.sum()))
    result = {"accuracy": float(numpy.mean(right)), "accuracy_norm": float(numpy.mean(right_norm)),
              "right": right}
    if mc2:
        result.update(mc2=float(numpy.mean(mc2)), mc2_items=mc2)
    return result


def read_items(path):
    text = pathlib.Path(path).read_text()
    if text.lstrip().startswith("["):
        return json.loads(text)
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def greedy_answer(model, tokenizer, prompt):
    """Ids of the answer in a conversation."""
    _, asked = in_conversation(tokenizer, prompt)
    with torch.no_grad():
        ids = model.generate(torch.tensor([asked]), max_new_tokens=12, do_sample=False, pad_token_id=0)[0].tolist()
    return {"prompt": prompt, "asked": asked, "answer": ids[len(asked):]}


def main(folder, template, text, *tasks):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = pathlib.Path(template).read_text()
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    text = pathlib.Path(text).read_text()
    longest = min(256, model.config.max_position_embeddings)
    print(json.dumps({
        "perplexity": [perplexity(model, tokenizer, text, longest, stride)
                       for stride in (None, longest // 2, longest // 4)],
        "documented": documented_perplexity(model, tokenizer, text, longest),
        **{name: {pathlib.Path(task).name: multiple_choice(model, tokenizer, read_items(task), chat)
                  for task in tasks} for name, chat in (("choices", False), ("chat_choices", True))},
        "chat_answer": greedy_answer(model, tokenizer, "Who is it?"),
    }, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
