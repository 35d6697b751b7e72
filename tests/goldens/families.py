"""The goldens: which configurations, and what each of them would miss if it were read wrongly.

No field that a reader might forget has its default: rotary base, norm epsilon, window, activation.
"""

import dataclasses

import transformers as t

NO_SPECIAL_TOKENS = dict(bos_token_id=None, eos_token_id=None, pad_token_id=None)


def rope(kind="default", rope_theta=500.0, **parameters):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=rope_theta, **parameters))


# What the families with rotary positions name alike.
COMMON = dict(
    vocab_size=64,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=3,
    num_attention_heads=4,
    max_position_embeddings=64,
    tie_word_embeddings=False,
    **NO_SPECIAL_TOKENS,
)
# An epsilon as large as this is seen in the logits.
LLAMA = dict(**COMMON, num_key_value_heads=2, rms_norm_eps=0.01)
STABLELM = dict(**COMMON, num_key_value_heads=2, layer_norm_eps=0.01)
GPT_NEOX = dict(**COMMON, layer_norm_eps=0.01)
GPT2 = dict(vocab_size=64, n_embd=24, n_layer=3, n_head=4, n_positions=32,
            layer_norm_epsilon=0.01, **NO_SPECIAL_TOKENS)
GPT_NEO = dict(vocab_size=64, hidden_size=32, num_layers=4, num_heads=4, intermediate_size=48,
               attention_types=[[["global", "local"], 2]], window_size=5,
               max_position_embeddings=32, layer_norm_epsilon=0.01, **NO_SPECIAL_TOKENS)

LLAMA3 = dict(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)

RMS_EPSILON = dict(rms_norm_eps=1e-6)
LAYER_NORM_EPSILON = dict(layer_norm_eps=1e-5)
THETA = rope(rope_theta=10000.0)
SLIDING, FULL = "sliding_attention", "full_attention"

# Smaller than those above, for the families that came later; heads * head_dim != hidden_size where a family allows it.
TINY = dict(COMMON, hidden_size=16, intermediate_size=24, num_attention_heads=2)
TINY_RMS = dict(**TINY, num_key_value_heads=1, rms_norm_eps=0.01)
GEMMA = {**TINY_RMS, **dict(num_attention_heads=4, num_key_value_heads=2, head_dim=8, query_pre_attn_scalar=20,
         sliding_window=5, layer_types=[SLIDING, FULL, SLIDING])}
GEMMA_MISREAD = (
    RMS_EPSILON, dict(query_pre_attn_scalar=8), dict(sliding_window=4), dict(sliding_window=64),
    dict(layer_types=[FULL, SLIDING, FULL]), dict(hidden_activation="silu"),
)
GRANITE = dict(embedding_multiplier=3.0, attention_multiplier=0.6, residual_multiplier=0.7, logits_scaling=2.5)
SHORT, LONG = [1.0, 1.2, 1.5, 2.0], [1.0, 2.0, 5.0, 9.0]


def two_ropes(full=600.0, sliding=40.0, **scaling):
    scaling = scaling or dict(rope_type="linear", factor=3.0)
    return dict(rope_parameters={
        FULL: dict(rope_theta=full, **scaling),
        SLIDING: dict(rope_type="default", rope_theta=sliding),
    })


@dataclasses.dataclass
class Golden:
    config: t.PretrainedConfig
    # Changes to the configuration, each of which must change the logits, or the golden is vacuous.
    must_matter: tuple = ()
    dtype: str = "float32"
    shard_size: str = "5GB"
    # Also record what attention, MLP and neurons give.
    sublayers: bool = False
    # config.json as transformers 4 wrote it, and with these fields besides; those that are None are left out.
    old_config: dict | None = None
    # Tensors named as in checkpoints of the bare GPT-2, causal masks among them.
    bare: bool = False
    # Endings of parameters that can make no difference, whatever they are.
    idle: tuple = ()


def llama(*must_matter, golden=None, **changes):
    return Golden(t.LlamaConfig(**{**LLAMA, **rope(), **changes}), must_matter, **(golden or {}))


GOLDENS = {
    # head_dim * heads != hidden_size, so that the two are not confused.
    "llama": llama(THETA, RMS_EPSILON, golden=dict(sublayers=True), head_dim=12),
    # head_dim was not written by transformers 4.
    "llama_old_config": llama(THETA, golden=dict(old_config={})),
    "llama_tied": llama(tie_word_embeddings=True),
    "llama_bias": llama(attention_bias=True, mlp_bias=True),
    # The scaling's oldest spelling: {"type": "linear"}.
    "llama_rope_linear": llama(
        rope(), THETA, golden=dict(old_config=dict(rope_scaling=dict(type="linear", factor=4.0))),
        **rope("linear", factor=4.0)),
    # The trained context is shorter than the text, or nothing would scale.
    "llama_rope_dynamic": llama(
        rope(), rope("dynamic", rope_theta=10000.0, factor=4.0), rope("dynamic", factor=8.0),
        max_position_embeddings=8, **rope("dynamic", factor=4.0)),
    # Wavelengths 6, 30, 140 and 664: one is kept, one blended, two are divided.
    "llama_rope_llama3": llama(
        rope(),
        rope("llama3", **{**LLAMA3, "factor": 32.0}),
        rope("llama3", **{**LLAMA3, "low_freq_factor": 2.0}),
        rope("llama3", **{**LLAMA3, "high_freq_factor": 8.0}),
        rope("llama3", **{**LLAMA3, "original_max_position_embeddings": 512}),
        golden=dict(old_config=dict(rope_scaling=dict(rope_type="llama3", **LLAMA3))),
        max_position_embeddings=512, **rope("llama3", **LLAMA3)),
    "llama_f16": llama(golden=dict(dtype="float16")),
    "llama_bf16": llama(golden=dict(dtype="bfloat16")),
    "llama_sharded": llama(golden=dict(shard_size="40KB")),
    "mistral": Golden(
        t.MistralConfig(**LLAMA, **rope(), sliding_window=5),
        (THETA, RMS_EPSILON, dict(sliding_window=None), dict(sliding_window=4)),
    ),
    "qwen2": Golden(t.Qwen2Config(**LLAMA, **rope()), (THETA, RMS_EPSILON)),
    # Not what max_window_layers would give, so that layer_types must be read.
    "qwen2_sliding": Golden(
        t.Qwen2Config(**LLAMA, **rope(), use_sliding_window=True, sliding_window=5,
                      max_window_layers=1, layer_types=[SLIDING, FULL, SLIDING]),
        (dict(layer_types=[FULL] * 3), dict(layer_types=[FULL, SLIDING, SLIDING]),
         dict(layer_types=[SLIDING] * 3)),
    ),
    "qwen3": Golden(t.Qwen3Config(**LLAMA, **rope(), head_dim=12), (THETA, RMS_EPSILON)),
    "gpt2": Golden(t.GPT2Config(**GPT2), (dict(layer_norm_epsilon=1e-5),), sublayers=True),
    "gpt2_scaled": Golden(
        t.GPT2Config(**GPT2, n_inner=40, scale_attn_by_inverse_layer_idx=True,
                     activation_function="relu"),
        (dict(scale_attn_by_inverse_layer_idx=False), dict(activation_function="gelu_new")),
        old_config=dict(n_ctx=32),
        bare=True,
    ),
    "gpt_neo": Golden(
        t.GPTNeoConfig(**GPT_NEO),
        (dict(window_size=64), dict(window_size=4), dict(layer_norm_epsilon=1e-5),
         dict(attention_types=[[["local", "global"], 2]])),
    ),
    "gpt_neox": Golden(
        t.GPTNeoXConfig(**GPT_NEOX, **rope(partial_rotary_factor=0.5)),
        (dict(use_parallel_residual=False), LAYER_NORM_EPSILON,
         rope(rope_theta=10000.0, partial_rotary_factor=0.5), rope(partial_rotary_factor=0.25),
         rope(partial_rotary_factor=1.0)),
        sublayers=True,
    ),
    # As Pythia on the Hub: GPT-NeoX's own names of the rotary fields.
    "gpt_neox_sequential": Golden(
        t.GPTNeoXConfig(**GPT_NEOX, **rope(partial_rotary_factor=0.5),
                        use_parallel_residual=False),
        (dict(use_parallel_residual=True),
         rope(rope_theta=10000.0, partial_rotary_factor=0.5), rope(partial_rotary_factor=0.25)),
        old_config=dict(rotary_pct=0.5, rotary_emb_base=500),
    ),
    "stablelm": Golden(
        t.StableLmConfig(**STABLELM, **rope(partial_rotary_factor=0.5), use_qkv_bias=True),
        (LAYER_NORM_EPSILON, rope(rope_theta=10000.0, partial_rotary_factor=0.5),
         rope(partial_rotary_factor=0.25), rope(partial_rotary_factor=1.0)),
        sublayers=True,
    ),
    # As stablelm-2 on the Hub: partial_rotary_factor at the top.
    "stablelm_parallel": Golden(
        t.StableLmConfig(**STABLELM, **rope(partial_rotary_factor=0.5), qk_layernorm=True,
                         use_parallel_residual=True),
        (dict(qk_layernorm=False), dict(use_parallel_residual=False), LAYER_NORM_EPSILON,
         rope(rope_theta=10000.0, partial_rotary_factor=0.5), rope(partial_rotary_factor=0.25)),
        old_config=dict(partial_rotary_factor=0.5),
    ),
    # Bounds that the scores and logits of so small a model feel.
    "gemma2": Golden(
        t.Gemma2Config(**{**GEMMA, **rope()}, attn_logit_softcapping=1.5, final_logit_softcapping=3.0),
        (THETA, *GEMMA_MISREAD, dict(attn_logit_softcapping=None), dict(attn_logit_softcapping=2.0),
         dict(final_logit_softcapping=None), dict(final_logit_softcapping=4.0)),
        sublayers=True,
    ),
    "gemma3": Golden(
        t.Gemma3TextConfig(**GEMMA, **two_ropes()),
        (*GEMMA_MISREAD, two_ropes(full=40.0), two_ropes(sliding=600.0), two_ropes(rope_type="default"),
         two_ropes(full=1e6), two_ropes(sliding=1e4)),
        sublayers=True,
    ),
    # As the first Gemma 3 on the Hub: a pattern and two bases in place of lists.
    "gemma3_old_config": Golden(
        t.Gemma3TextConfig(**{**GEMMA, **two_ropes(), "layer_types": [SLIDING, FULL, SLIDING]}, final_logit_softcapping=3.0),
        (dict(layer_types=[SLIDING] * 3), dict(final_logit_softcapping=None)),
        old_config=dict(layer_types=None, _sliding_window_pattern=None, sliding_window_pattern=2, rope_theta=600.0,
                        rope_local_base_freq=40.0, rope_scaling=dict(rope_type="linear", factor=3.0), head_dim=8),
    ),
    "granite": Golden(
        t.GraniteConfig(**TINY_RMS, **rope(), **GRANITE, attention_bias=True, mlp_bias=True),
        (THETA, RMS_EPSILON, *(dict([(field, 1.0)]) for field in GRANITE), dict(attention_multiplier=8**-0.5)),
        sublayers=True,
    ),
    "olmo2": Golden(
        t.Olmo2Config(**TINY_RMS, **rope()),
        (THETA, RMS_EPSILON),
        sublayers=True,
    ),
    # Without rotary positions nothing that is added to all keys is seen: the softmax takes it away.
    "opt": Golden(
        t.OPTConfig(vocab_size=64, hidden_size=16, ffn_dim=24, num_hidden_layers=3, num_attention_heads=2,
                    max_position_embeddings=32, **NO_SPECIAL_TOKENS),
        (dict(activation_function="gelu"),),
        sublayers=True,
        idle=("k_proj.bias",),
    ),
    "phi": Golden(
        t.PhiConfig(**TINY, layer_norm_eps=0.01, **rope(partial_rotary_factor=0.5)),
        (LAYER_NORM_EPSILON, rope(rope_theta=10000.0, partial_rotary_factor=0.5), rope(partial_rotary_factor=1.0),
         dict(hidden_act="silu")),
        sublayers=True,
    ),
    "phi3": Golden(
        t.Phi3Config(**TINY_RMS, **rope(partial_rotary_factor=0.75), sliding_window=5),
        (rope(rope_theta=10000.0, partial_rotary_factor=0.75), rope(partial_rotary_factor=1.0), RMS_EPSILON,
         dict(sliding_window=4), dict(sliding_window=None)),
        sublayers=True,
    ),
    # The texts of 12 and the continued one are longer than the context of the pre-training; the continued one begins below.
    # As on the Hub: `rope_scaling`, and the context at the top.
    "phi3_longrope": Golden(
        t.Phi3Config(**TINY_RMS, **rope("longrope", short_factor=SHORT, long_factor=LONG),
                     original_max_position_embeddings=10),
        (rope(), rope("longrope", short_factor=SHORT, long_factor=SHORT),
         rope("longrope", short_factor=SHORT, long_factor=LONG, attention_factor=1.0),
         dict(original_max_position_embeddings=12)),
        old_config=dict(rope_scaling=dict(type="longrope", short_factor=SHORT, long_factor=LONG)),
    ),
    # Windows in a layer without rotary positions and in one with.
    "smollm3": Golden(
        t.SmolLM3Config(**TINY_RMS, **rope(), no_rope_layers=[1, 0, 0], use_sliding_window=True, sliding_window=5,
                        layer_types=[SLIDING, SLIDING, FULL]),
        (THETA, RMS_EPSILON, dict(no_rope_layers=[1, 1, 0]), dict(no_rope_layers=[0, 1, 1]), dict(no_rope_layers=[1, 1, 1]),
         dict(layer_types=[FULL] * 3), dict(layer_types=[FULL, SLIDING, SLIDING]), dict(sliding_window=4)),
        sublayers=True,
    ),
    # The pattern, and neither list.
    "smollm3_old_config": Golden(
        t.SmolLM3Config(**TINY_RMS, **rope(), no_rope_layer_interval=2),
        (dict(no_rope_layers=[1, 1, 1]), dict(no_rope_layers=[0, 1, 0])),
        old_config=dict(no_rope_layers=None, layer_types=None),
    ),
    "starcoder2": Golden(
        t.Starcoder2Config(**{**TINY, "tie_word_embeddings": True}, num_key_value_heads=1, norm_epsilon=0.01, **rope(),
                           sliding_window=5),
        (THETA, dict(norm_epsilon=1e-5), dict(sliding_window=4), dict(sliding_window=None), dict(hidden_act="silu")),
        sublayers=True,
    ),
}
