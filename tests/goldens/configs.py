#!/usr/bin/env python3
"""Writes configs.json: configurations as files have them, old and new, sparse and full, and what `transformers` makes of each:
the sizes, and for every layer its window, its scale and its rotary positions. See README.md.

    python configs.py

`reading` is null where transformers refuses. `refused` is what this program's own refusal must say, of options that it does not
have and of contradictions, whatever transformers does with them.
"""

import json
import pathlib

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent
SLIDING, FULL = "sliding_attention", "full_attention"
BASE = dict(vocab_size=64, hidden_size=16, intermediate_size=24, num_hidden_layers=7, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=64)
OPT = dict(vocab_size=64, hidden_size=16, ffn_dim=24, num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=64)
GEMMA_ROPE = {FULL: dict(rope_type="linear", factor=8.0, rope_theta=500.0), SLIDING: dict(rope_type="default", rope_theta=50.0)}
KINDS = [SLIDING, SLIDING, FULL, SLIDING, FULL, FULL, SLIDING]
LINEAR = dict(rope_type="linear", factor=4.0)
LONG = dict(short_factor=[1.0, 2.0], long_factor=[3.0, 4.0])


def without(fields, *names):
    return {name: value for name, value in fields.items() if name not in names}


# By family: the fields that all have, and what is changed in each.
CASES = {
    "gemma2": (BASE, [
        {}, dict(head_dim=8), dict(sliding_window=5, query_pre_attn_scalar=20), dict(layer_types=KINDS),
        dict(layer_types=None, sliding_window=7), dict(attn_logit_softcapping=None, final_logit_softcapping=None),
        dict(attn_logit_softcapping=2.5, final_logit_softcapping=7.0), dict(rope_theta=300.0),
        dict(rope_parameters=dict(rope_type="default", rope_theta=300.0)), dict(rope_scaling=LINEAR, rope_theta=300.0),
        dict(tie_word_embeddings=False, attention_bias=True), dict(hidden_activation="silu", rms_norm_eps=0.5),
        dict(layer_types=KINDS[:-1]), dict(hidden_act="silu"),
    ]),
    "gemma3_text": (BASE, [
        {}, dict(sliding_window_pattern=3), dict(_sliding_window_pattern=2), dict(layer_types=KINDS, sliding_window_pattern=2),
        dict(rope_theta=300.0, rope_local_base_freq=30.0), dict(rope_theta=300.0, rope_scaling=LINEAR),
        dict(rope_parameters=GEMMA_ROPE), dict(rope_parameters={FULL: LINEAR}), dict(rope_parameters={SLIDING: LINEAR}),
        dict(rope_parameters=None, rope_scaling=None, rope_theta=300.0),
        dict(rope_parameters={FULL: dict(rope_type="default")}, rope_theta=300.0, rope_local_base_freq=30.0),
        dict(final_logit_softcapping=5.0, query_pre_attn_scalar=9),
        dict(head_dim=4, sliding_window=9, tie_word_embeddings=False),
    ]),
    "phi3": (BASE, [
        {}, dict(sliding_window=5), dict(sliding_window=None, rope_theta=300.0), dict(num_key_value_heads=None),
        dict(partial_rotary_factor=0.5), dict(rope_parameters=dict(rope_theta=300.0, partial_rotary_factor=0.5)),
        dict(rope_scaling=dict(type="longrope", **LONG)),
        dict(rope_scaling=dict(type="longrope", **LONG), original_max_position_embeddings=16),
        dict(rope_scaling=dict(type="longrope", original_max_position_embeddings=8, **LONG)),
        dict(rope_parameters=dict(rope_type="longrope", factor=3.0, original_max_position_embeddings=9, **LONG),
             original_max_position_embeddings=16),
        dict(rope_parameters=dict(rope_type="longrope", attention_factor=1.5, original_max_position_embeddings=9, **LONG)),
        dict(rope_scaling=dict(type="su", original_max_position_embeddings=16, **LONG), original_max_position_embeddings=16),
        dict(rope_scaling=LINEAR), dict(rope_scaling=dict(type="longrope", short_factor=[1.0], long_factor=[1.0, 2.0])),
        dict(tie_word_embeddings=True, rms_norm_eps=0.5), dict(head_dim=8),
    ]),
    "phi": (BASE, [
        {}, dict(partial_rotary_factor=1.0), dict(rope_theta=300.0, hidden_act="gelu"), dict(num_key_value_heads=None),
        dict(rope_parameters=dict(rope_theta=300.0, partial_rotary_factor=1.0)), dict(rope_scaling=LINEAR),
        dict(layer_norm_eps=0.5), dict(head_dim=8, partial_rotary_factor=0.25),
    ]),
    "olmo2": (BASE, [
        {}, dict(num_key_value_heads=None), dict(rope_theta=300.0, attention_bias=True), dict(rope_scaling=LINEAR),
        dict(rope_parameters=dict(rope_theta=300.0)), dict(rms_norm_eps=0.5, tie_word_embeddings=True), dict(hidden_act="gelu"),
    ]),
    "smollm3": (BASE, [
        {}, dict(no_rope_layer_interval=3), dict(no_rope_layers=[1, 0, 0, 1, 1, 0, 1]), dict(rope_theta=300.0),
        dict(use_sliding_window=True), dict(use_sliding_window=True, sliding_window=5), dict(sliding_window=5),
        dict(use_sliding_window=True, sliding_window=5, layer_types=KINDS),
        dict(use_sliding_window=True, sliding_window=5, no_rope_layers=[1] * 7),
        dict(no_rope_layers=[1] * 9), dict(tie_word_embeddings=False, attention_bias=True, mlp_bias=True),
        dict(num_key_value_heads=4), dict(rope_scaling=LINEAR),
        dict(rope_parameters=dict(rope_type="llama3", rope_theta=300.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                  original_max_position_embeddings=32)),
    ]),
    "granite": (BASE, [
        {}, dict(attention_multiplier=0.3, embedding_multiplier=12, residual_multiplier=0.22, logits_scaling=8),
        dict(num_key_value_heads=None), dict(attention_bias=True, mlp_bias=True), dict(rope_theta=300.0, rope_scaling=LINEAR),
        dict(tie_word_embeddings=True), dict(head_dim=8),
    ]),
    "opt": (OPT, [
        {}, dict(enable_bias=False), dict(word_embed_proj_dim=16, activation_function="gelu"), dict(word_embed_proj_dim=None),
        dict(tie_word_embeddings=False),
    ]),
    "starcoder2": (BASE, [
        {}, dict(sliding_window=5), dict(use_bias=False, tie_word_embeddings=False), dict(norm_epsilon=0.5, hidden_act="relu"),
        dict(rope_theta=300.0), dict(rope_parameters=dict(rope_theta=300.0)), dict(rope_scaling=LINEAR),
    ]),
}
# Fields that older files leave to the defaults.
SPARSE = {"gemma2": ["num_key_value_heads"], "gemma3_text": ["num_key_value_heads"], "phi3": ["num_key_value_heads"],
          "phi": ["num_key_value_heads"], "olmo2": ["num_key_value_heads"], "smollm3": ["num_key_value_heads"],
          "granite": ["num_key_value_heads"], "starcoder2": ["num_key_value_heads"]}
# What this program refuses, and what the refusal says.
REFUSED = {
    "gemma2": [(dict(use_bidirectional_attention=True), "use_bidirectional_attention"), (dict(sliding_window=None), "sliding_window"),
               (dict(attn_logit_softcapping=0.0), "above 0"), (dict(final_logit_softcapping=-1.0), "above 0"),
               (dict(query_pre_attn_scalar=0), "above 0"), (dict(layer_types=["chunked_attention"] * 7), "chunked_attention"),
               (dict(rope_scaling=dict(rope_type="yarn", factor=2.0)), "yarn"), (dict(hidden_activation="mish"), "mish")],
    "gemma3_text": [(dict(attn_logit_softcapping=5.0), "attn_logit_softcapping"),
                    (dict(use_bidirectional_attention=True), "use_bidirectional_attention"),
                    (dict(rope_parameters=dict(rope_type="default", rope_theta=300.0)), "neither `full_attention`"),
                    (dict(rope_parameters=GEMMA_ROPE, rope_scaling=LINEAR), "describe the same layers"),
                    (dict(rope_scaling=dict(type="linear", factor=2.0)), "`rope_type`")],
    "phi3": [(dict(rope_scaling=dict(type="dynamic", factor=2.0)), "dynamic"),
             (dict(rope_scaling=dict(type="longrope", short_factor=[1.0, 0.0], long_factor=[1.0, 2.0])), "short_factor"),
             (dict(partial_rotary_factor=0.3), "even number")],
    "phi": [(dict(qk_layernorm=True), "qk_layernorm"), (dict(tie_word_embeddings=True), "tie_word_embeddings")],
    "smollm3": [(dict(sliding_window=5, layer_types=KINDS), "use_sliding_window"), (dict(no_rope_layers=[1, 0]), "describes 2 layers"),
                (dict(no_rope_layers=[1, 0, 2, 1, 1, 1, 1]), "a list of 0 and 1"),
                (dict(use_sliding_window=True, layer_types=KINDS), "sliding_window")],
    "granite": [(dict(logits_scaling=0), "above 0")],
    "opt": [(dict(do_layer_norm_before=False), "do_layer_norm_before"), (dict(word_embed_proj_dim=8), "word_embed_proj_dim"),
            (dict(_remove_final_layer_norm=True), "_remove_final_layer_norm"),
            (dict(layer_norm_elementwise_affine=False), "layer_norm_elementwise_affine")],
    "olmo2": [(dict(num_key_value_heads=3), "evenly")],
    "starcoder2": [(dict(num_attention_heads=3), "does not divide")],
}


def rotation(model, layer):
    """By how much a token turns each pair of a layer's channels, in a short and in a long text, and by how much they grow."""
    config = model.config
    if not getattr(config, "no_rope_layers", [1] * (layer + 1))[layer]:
        return None
    embedding = getattr(model.model, "rotary_emb", None)
    if embedding is None:
        return None
    nested = isinstance(embedding.rope_type, dict)
    kind = [config.layer_types[layer]] if nested else []
    found = []
    for last in [3, 60]:
        positions = torch.tensor([[1, last]])
        cosine, sine = (table[0, 0].double() for table in embedding(torch.zeros(1, 2, 4), positions, *kind))
        half = len(cosine) // 2
        angles = torch.atan2(sine, cosine)[:half].tolist()
        # Some stand for all.
        found.append([round(angles[pair], 7) for pair in dict.fromkeys([0, 1 % half, half // 2, half - 1])])
    growth = round((cosine[0] ** 2 + sine[0] ** 2).sqrt().item(), 6)
    return dict(pairs=half, short=found[0], long=found[1], growth=growth)


def attention_window(config, layer):
    kinds = getattr(config, "layer_types", None)
    if kinds is not None and kinds[layer] != SLIDING:
        return None
    return getattr(config, "sliding_window", None)


def read(fields):
    try:
        # The padding's default id is beyond so small a vocabulary.
        config = AutoConfig.for_model(**fields, pad_token_id=0)
        model = AutoModelForCausalLM.from_config(config)
        body = getattr(model.model, "decoder", model.model)
        layers = [layer.self_attn for layer in body.layers]
    except Exception:  # It refuses in many ways.
        return None
    norm = next(module for name, module in body.layers[0].named_modules() if "norm" in name)
    turned = [rotation(model, layer) for layer in range(len(layers))]
    # Each rotation once; layers say which of them they have.
    known = [json.loads(one) for one in dict.fromkeys(json.dumps(one) for one in turned if one)]
    return dict(
        tied=model.lm_head.weight is model.get_input_embeddings().weight,
        attention_soft_cap=config.attn_logit_softcapping if fields["model_type"] == "gemma2" else None,
        final_soft_cap=getattr(config, "final_logit_softcapping", None),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        epsilon=getattr(norm, "eps", None) or norm.variance_epsilon,
        windows=[attention_window(config, layer) for layer in range(len(layers))],
        # OPT multiplies its queries before attention.
        scales=[attention.scaling for attention in layers],
        rotations=known,
        rotary=[known.index(one) if one else None for one in turned],
    )


def main():
    pinned = dict(line.split("==") for line in (HERE / "requirements.txt").read_text().split())
    assert transformers.__version__ == pinned["transformers"], "another transformers than requirements.txt pins"
    transformers.logging.set_verbosity_error()
    lines = []
    for family, (base, changes) in CASES.items():
        changes = [base | change for change in changes] + [without(base, *SPARSE[family]) for _ in range(family in SPARSE)]
        for fields in changes:
            fields = dict(model_type=family) | fields
            # Read from a copy: what is nested is changed by the reading.
            lines.append(dict(config=fields, reading=read(json.loads(json.dumps(fields)))))
        for change, said in REFUSED.get(family, []):
            lines.append(dict(config=dict(model_type=family) | base | change, refused=said))
    read_count = sum(bool(line.get("reading")) for line in lines)
    print(f"{len(lines)} configurations, {read_count} read by transformers")
    for line in lines:
        if line.get("reading", 1) is None:
            print("refused by transformers:", line["config"])
    text = ",\n ".join(json.dumps(line, separators=(",", ":")) for line in lines)
    (HERE / "configs.json").write_text(f"[\n {text}\n]\n")


if __name__ == "__main__":
    main()
