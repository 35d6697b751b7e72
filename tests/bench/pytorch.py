"""What a user would otherwise run: transformers on PyTorch, on the CPU, or with `--device gpu` on the GPU that it finds.

Forward passes with hooks under inference_mode, the way of the AVSS authors' code (a backward pass, every activation
copied to the host and reduced by numpy; written from its description), and training steps of adapters by peft. The same
weights, tokens, batches and statistics as crates/lab/examples/speed; prints one `name<TAB>value` a line.
"""

import argparse
import resource
import statistics
import time

import numpy
import peft
import tokenizers
import torch
import transformers

# As crates/lab/examples/speed/repair.rs.
PROMPT, ANSWER, NEUTRAL, PAIRS, AT_ONCE = 20, 4, 64, 64, 8
MARGIN, ANSWER_WEIGHT, NEUTRAL_WEIGHT, RATE = 3.0, 1.0, 0.3, 3e-3
# As crates/lab/examples/speed/healing.rs.
DISTIL_RANK, STEP_OF, DISTIL_STEPS = 16, 4, 4
MAPS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--device", default="cpu", help="cpu, or gpu for CUDA")
    parser.add_argument("--dtype", default="float32", help="of the weights in passes")
    parser.add_argument("--sequence-length", type=int, default=256)
    parser.add_argument("--max-sequences", type=int, default=16)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--leave-one-out", default="false", help="ignored")
    parser.add_argument("--repair", default="false")
    parser.add_argument("--heal", default="false")
    return parser.parse_args()


def sequences(options):
    """BOS and a run of the text, again and again; equal lengths only, so that nothing is padded."""
    tokenizer = tokenizers.Tokenizer.from_file(f"{options.model}/tokenizer.json")
    frame = tokenizer.encode("").ids
    with open(options.text, encoding="utf-8") as file:
        ids = tokenizer.encode(file.read(), add_special_tokens=False).ids
    payload = options.sequence_length - len(frame)
    chunks = [frame + ids[i : i + payload] for i in range(0, len(ids), payload)]
    whole = [chunk for chunk in chunks if len(chunk) == options.sequence_length]
    return torch.tensor(whole[: options.max_sequences]).to(place(options))


def place(options):
    return "cuda" if options.device == "gpu" else "cpu"


def load(options, dtype=torch.float32):
    return transformers.AutoModelForCausalLM.from_pretrained(options.model, dtype=dtype).to(place(options))


def wait():
    """Until the GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def blocks(model):
    return next(module for module in model.modules() if isinstance(module, torch.nn.ModuleList))


class Hooks:
    """Per layer: variance by two estimators, sparsity, kurtosis, maximum, histogram, cosine, angle."""

    def __init__(self, model):
        self.rows = []
        self.handles = [layer.register_forward_hook(self.take) for layer in blocks(model)]

    def take(self, _module, inputs, output):
        before = inputs[0]
        after = output[0] if isinstance(output, tuple) else output
        rms = after.square().mean().sqrt()
        deviation = after - after.mean()
        magnitude = after.abs()
        cosine = torch.nn.functional.cosine_similarity(before, after, dim=-1)
        self.rows.append(
            (
                after.mean(1).var(1).mean().item(),
                deviation.square().mean().item(),
                (deviation.pow(4).mean() / deviation.square().mean().square()).item(),
                (magnitude < 0.05 * rms).float().mean().item(),
                magnitude.max().item(),
                torch.histc(magnitude.log2(), bins=512, min=-40, max=24).tolist(),
                (1 - cosine).mean().item(),
                cosine.clamp(-1, 1).arccos().mean().item(),
                ((after - before).norm(dim=-1) / after.norm(dim=-1)).mean().item(),
            )
        )

    def remove(self):
        for handle in self.handles:
            handle.remove()


class HostCopies(Hooks):
    """Every block's output on the host; variance and sparsity of what is gathered."""

    def take(self, _module, _inputs, output):
        after = output[0] if isinstance(output, tuple) else output
        self.rows.append(after.detach().cpu().numpy().copy())

    def reduce(self):
        return [(row.mean(1).var(1, ddof=1).mean(), (numpy.abs(row) < 1e-5).mean()) for row in self.rows]


def passes(options, ids):
    model = load(options, getattr(torch, options.dtype)).eval()
    body = model.base_model

    def forward():
        with torch.inference_mode():
            for batch in ids.split(options.batch):
                body(batch, use_cache=False)

    def hooked():
        hooks = Hooks(body)
        forward()
        hooks.remove()

    def authors():
        for batch in ids.split(options.batch):
            hooks = HostCopies(body)
            model(batch, labels=batch, use_cache=False).loss.backward()
            hooks.reduce()
            hooks.remove()
            model.zero_grad()

    ways = {"PyTorch forward pass": forward, "PyTorch with hooks": hooked}
    seconds = timed(options.repeats, ways)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if options.dtype == "float32":
        seconds |= timed(options.repeats, {"PyTorch, the AVSS authors' way": authors})
    for name, times in seconds.items():
        print(f"{name}\t{ids.numel() / statistics.median(times):.1f}")
    weights = sum(weight.numel() * weight.element_size() for weight in body.parameters())
    print(f"PyTorch peak memory over weights as float32\t{peak / weights:.3f}")


def timed(repeats, ways):
    """Seconds of each way; they take turns, and the first turn warms up."""
    seconds = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            wait()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def repair(options):
    """Steps of the margin objective with the language-model terms, adapters on the last quarter of the layers."""
    model = load(options)
    layers = model.config.num_hidden_layers
    chosen = list(range(layers - -(-layers // 4), layers))
    config = peft.LoraConfig(r=8, lora_alpha=16, target_modules=MAPS, layers_to_transform=chosen)
    model = peft.get_peft_model(model, config).train()
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.0)
    vocabulary = model.config.vocab_size

    def ids(seed, count):
        return [(seed * 7919 + place * 104_729) % vocabulary for place in range(count)]

    def side(side):
        found = [ids(n, PROMPT) + ids(n + side * PAIRS, ANSWER) for n in range(PAIRS)]
        return torch.tensor(found).to(place(options))

    answers = torch.stack([side(1), side(2)])
    neutral = torch.tensor([ids(seed, NEUTRAL) for seed in range(1000, 1016)]).to(place(options))

    def likelihoods(batch, start):
        logits = model(batch[:, :-1], use_cache=False).logits[:, start - 1 :]
        found = logits.log_softmax(-1).gather(-1, batch[:, start:, None])
        return found[..., 0]

    def step(number):
        first = number * AT_ONCE % PAIRS
        batch = answers[:, first : first + AT_ONCE].flatten(0, 1)
        found = likelihoods(batch, PROMPT).sum(1)
        factual, hallucinated = found.chunk(2)
        loss = (MARGIN - factual + hallucinated).relu().mean()
        loss = loss - ANSWER_WEIGHT * factual.sum() / (AT_ONCE * ANSWER)
        loss = loss - NEUTRAL_WEIGHT * likelihoods(neutral[number % 16][None], 1).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()

    seconds = []
    for number in range(10 * (options.repeats + 1)):
        start = time.perf_counter()
        step(number)
        wait()
        if number >= 10:
            seconds.append(time.perf_counter() - start)
    print(f"PyTorch repair steps\t{1 / statistics.median(seconds):.2f}")


def distil(options, ids):
    """Steps of a distillation: a model without the middle quarter of its layers learns the whole one's distributions.

    Adapters lie on the layers from the one before the gap on; the whole model's hidden states are taken once, before.
    """
    whole = load(options).eval()
    with torch.inference_mode():
        wanted = torch.cat([whole.base_model(part, use_cache=False).last_hidden_state for part in ids.split(STEP_OF)])
    head, layers = whole.get_output_embeddings(), whole.config.num_hidden_layers
    first = layers // 2 - layers // 8
    gone = range(first, first + -(-layers // 4))
    pruned = load(options)
    pruned.model.layers = torch.nn.ModuleList(
        layer for place, layer in enumerate(pruned.model.layers) if place not in gone
    )
    pruned.config.num_hidden_layers = len(pruned.model.layers)
    chosen = list(range(first - 1, pruned.config.num_hidden_layers))
    config = peft.LoraConfig(r=DISTIL_RANK, lora_alpha=DISTIL_RANK, target_modules=MAPS, layers_to_transform=chosen)
    model = peft.get_peft_model(pruned, config).train()
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.0)

    def step(number):
        places = [(number * STEP_OF + place) % len(ids) for place in range(STEP_OF)]
        logits = model(ids[places], use_cache=False).logits
        with torch.no_grad():
            target = head(wanted[places]).log_softmax(-1)
        loss = torch.nn.functional.kl_div(logits.log_softmax(-1), target, reduction="sum", log_target=True)
        optimizer.zero_grad()
        (loss / ids[places].numel()).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()

    seconds = []
    for number in range(DISTIL_STEPS * (options.repeats + 1)):
        start = time.perf_counter()
        step(number)
        wait()
        if number >= DISTIL_STEPS:
            seconds.append(time.perf_counter() - start)
    print(f"PyTorch distil steps\t{1 / statistics.median(seconds):.3f}")


if __name__ == "__main__":
    transformers.utils.logging.disable_progress_bar()
    chosen = arguments()
    passes(chosen, sequences(chosen))
    if chosen.repair == "true":
        repair(chosen)
    if chosen.heal == "true":
        distil(chosen, sequences(chosen))
