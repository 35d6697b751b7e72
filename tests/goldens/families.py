"""The goldens: which configurations, and what each of them would miss if it were read wrongly."""

import dataclasses

import transformers as t

BASE = dict(
    vocab_size=64,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    tie_word_embeddings=False,
    bos_token_id=None,
    eos_token_id=None,
    pad_token_id=None,
)
GPT2 = dict(
    vocab_size=64, n_embd=24, n_layer=3, n_head=4, n_positions=64,
    bos_token_id=None, eos_token_id=None, pad_token_id=None,
)
GPT_NEO = dict(
    vocab_size=64, hidden_size=32, num_layers=4, num_heads=4, max_position_embeddings=64,
    intermediate_size=48, attention_types=[[["global", "local"], 2]], window_size=5,
    bos_token_id=None, eos_token_id=None, pad_token_id=None,
)
NEOX = {k: v for k, v in BASE.items() if k != "num_key_value_heads"}


@dataclasses.dataclass
class Golden:
    config: t.PretrainedConfig
    # Changes to the configuration that must change the logits, or the golden shows nothing.
    must_matter: dict = dataclasses.field(default_factory=dict)
    dtype: str = "float32"
    shard_size: str = "5GB"
    # Also record what attention, MLP and neurons give.
    sublayers: bool = False
    # Rewrite config.json in the manner of transformers 4.
    old_config: bool = False


def llama(**changes):
    return t.LlamaConfig(**{**BASE, **changes})


def rope(kind, **parameters):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=10000.0, **parameters))


PLAIN_ROPE = rope("default")

GOLDENS = {
    # head_dim * heads != hidden_size, so that the two are not confused.
    "llama": Golden(llama(head_dim=12), sublayers=True),
    "llama_old_config": Golden(llama(**rope("default")), old_config=True),
    "llama_tied": Golden(llama(tie_word_embeddings=True)),
    "llama_bias": Golden(llama(attention_bias=True, mlp_bias=True)),
    "llama_rope_linear": Golden(llama(**rope("linear", factor=4.0)), PLAIN_ROPE),
    # The trained context is shorter than the text, or nothing would scale.
    "llama_rope_dynamic": Golden(
        llama(max_position_embeddings=8, **rope("dynamic", factor=4.0)), PLAIN_ROPE
    ),
    "llama_rope_llama3": Golden(
        llama(
            **rope(
                "llama3",
                factor=8.0,
                low_freq_factor=1.0,
                high_freq_factor=4.0,
                original_max_position_embeddings=16,
            )
        ),
        PLAIN_ROPE,
    ),
    "llama_f16": Golden(llama(), dtype="float16"),
    "llama_bf16": Golden(llama(), dtype="bfloat16"),
    "llama_sharded": Golden(llama(), shard_size="40KB"),
    "mistral": Golden(t.MistralConfig(**BASE, sliding_window=5), dict(sliding_window=None)),
    "qwen2": Golden(t.Qwen2Config(**BASE)),
    "qwen2_sliding": Golden(
        t.Qwen2Config(**BASE, use_sliding_window=True, sliding_window=5, max_window_layers=1),
        dict(layer_types=["full_attention"] * 3),
    ),
    "qwen3": Golden(t.Qwen3Config(**BASE, head_dim=12)),
    "gpt2": Golden(t.GPT2Config(**GPT2), sublayers=True),
    "gpt2_scaled": Golden(
        t.GPT2Config(**GPT2, n_inner=40, scale_attn_by_inverse_layer_idx=True),
        dict(scale_attn_by_inverse_layer_idx=False),
    ),
    "gpt_neo": Golden(t.GPTNeoConfig(**GPT_NEO), dict(window_size=64)),
    "gpt_neox": Golden(
        t.GPTNeoXConfig(
            **NEOX, rope_parameters=dict(rope_type="default", rope_theta=10000.0,
                                         partial_rotary_factor=0.5)
        ),
        dict(use_parallel_residual=False),
        sublayers=True,
    ),
    "gpt_neox_sequential": Golden(t.GPTNeoXConfig(**NEOX, use_parallel_residual=False)),
    "stablelm": Golden(
        t.StableLmConfig(
            **BASE, use_qkv_bias=True,
            rope_parameters=dict(rope_type="default", rope_theta=10000.0,
                                 partial_rotary_factor=0.25),
        ),
        rope("default", partial_rotary_factor=0.5),
        sublayers=True,
    ),
    "stablelm_parallel": Golden(
        t.StableLmConfig(**BASE, use_parallel_residual=True, qk_layernorm=True),
        dict(use_parallel_residual=False),
    ),
}
