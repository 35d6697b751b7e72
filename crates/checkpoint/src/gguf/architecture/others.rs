//! Kinds of models, but for Gemma.

use serde_json::Value;

use super::{Architecture, Change, Fields, Names, Source};
use crate::gguf::GgufError;

use Change::{Keys, LeftOut, OneAHead, PerHead, Queries, Same, Transposed};

type Pairs = &'static [(&'static str, &'static str, Change)];

/// What belongs to no block, as most families call it.
const SHARED: Pairs = &[
    ("token_embd", "model.embed_tokens", Same),
    ("output_norm", "model.norm", Same),
    ("output", "lm_head", Same),
];
const BLOCK: &str = "model.layers.{}.";
/// The norms before attention and before the MLP.
const NORMS: Pairs = &[
    ("attn_norm", "input_layernorm", Same),
    ("ffn_norm", "post_attention_layernorm", Same),
];
/// Queries and keys whose heads are turned by halves.
const BY_HALVES: Pairs = &[
    ("attn_q", "self_attn.q_proj", Same),
    ("attn_k", "self_attn.k_proj", Same),
];
/// Queries and keys whose heads llama.cpp turns by neighbours, for which the converter moved their rows.
const BY_NEIGHBOURS: Pairs = &[
    ("attn_q", "self_attn.q_proj", Queries),
    ("attn_k", "self_attn.k_proj", Keys),
    // The frequencies, in the oldest files.
    ("attn_rot_embd", "", LeftOut),
];
const VALUES: Pairs = &[
    ("attn_v", "self_attn.v_proj", Same),
    ("attn_output", "self_attn.o_proj", Same),
];
/// Norms of queries and keys.
const HEAD_NORMS: Pairs = &[
    ("attn_q_norm", "self_attn.q_norm", Same),
    ("attn_k_norm", "self_attn.k_norm", Same),
];
const GATED: Pairs = &[
    ("ffn_gate", "mlp.gate_proj", Same),
    ("ffn_up", "mlp.up_proj", Same),
    ("ffn_down", "mlp.down_proj", Same),
];

pub(super) const LLAMA: Architecture = Architecture {
    name: "llama",
    names: Names {
        shared: SHARED,
        block: BLOCK,
        within: &[NORMS, BY_NEIGHBOURS, VALUES, GATED],
    },
    config: |source| {
        // llama.cpp has no name of its own for Mistral, which differs by the window alone.
        let window = source.natural("attention.sliding_window")?;
        let window = window.filter(|window| *window > 0);
        let (model_type, class) = match window {
            Some(_) => ("mistral", "MistralForCausalLM"),
            None => ("llama", "LlamaForCausalLM"),
        };
        let mut fields = rms(source, model_type, class)?;
        if let Some(window) = window {
            put(&mut fields, "sliding_window", window);
        }
        put(&mut fields, "mlp_bias", source.has("blk.0.ffn_up.bias"));
        Ok(fields)
    },
};

pub(super) const QWEN2: Architecture = Architecture {
    name: "qwen2",
    names: Names {
        shared: SHARED,
        block: BLOCK,
        within: &[NORMS, BY_HALVES, VALUES, GATED],
    },
    config: |source| rms(source, "qwen2", "Qwen2ForCausalLM"),
};

pub(super) const QWEN3: Architecture = Architecture {
    name: "qwen3",
    names: Names {
        shared: SHARED,
        block: BLOCK,
        within: &[NORMS, BY_HALVES, VALUES, HEAD_NORMS, GATED],
    },
    config: |source| rms(source, "qwen3", "Qwen3ForCausalLM"),
};

pub(super) const GPT2: Architecture = Architecture {
    name: "gpt2",
    names: Names {
        shared: &[
            ("token_embd", "transformer.wte", Same),
            ("position_embd", "transformer.wpe", Same),
            ("output_norm", "transformer.ln_f", Same),
            ("output", "lm_head", Same),
        ],
        block: "transformer.h.{}.",
        within: &[&[
            ("attn_norm", "ln_1", Same),
            ("attn_qkv", "attn.c_attn", Transposed),
            ("attn_output", "attn.c_proj", Transposed),
            ("ffn_norm", "ln_2", Same),
            ("ffn_up", "mlp.c_fc", Transposed),
            ("ffn_down", "mlp.c_proj", Transposed),
        ]],
    },
    config: |source| {
        let sizes = source.sizes()?;
        let mut fields = source.named("gpt2", "GPT2LMHeadModel")?;
        for (name, size) in [
            ("vocab_size", sizes.vocabulary),
            ("n_embd", sizes.hidden),
            ("n_layer", sizes.layers),
            ("n_head", sizes.heads),
            ("n_inner", sizes.inner),
            ("n_positions", sizes.context),
        ] {
            put(&mut fields, name, size);
        }
        let epsilon = source.required_number("attention.layer_norm_epsilon")?;
        put(&mut fields, "layer_norm_epsilon", epsilon);
        put(&mut fields, "activation_function", "gelu_new");
        Ok(fields)
    },
};

pub(super) const GPT_NEOX: Architecture = Architecture {
    name: "gptneox",
    names: Names {
        shared: &[
            ("token_embd", "gpt_neox.embed_in", Same),
            ("output_norm", "gpt_neox.final_layer_norm", Same),
            ("output", "embed_out", Same),
        ],
        block: "gpt_neox.layers.{}.",
        within: &[&[
            ("attn_norm", "input_layernorm", Same),
            ("attn_qkv", "attention.query_key_value", PerHead),
            ("attn_output", "attention.dense", Same),
            ("ffn_norm", "post_attention_layernorm", Same),
            ("ffn_up", "mlp.dense_h_to_4h", Same),
            ("ffn_down", "mlp.dense_4h_to_h", Same),
        ]],
    },
    config: |source| {
        let (mut fields, sizes) = source.common("gpt_neox", "GPTNeoXForCausalLM")?;
        fields.remove("head_dim");
        let parallel = source.flag("use_parallel_residual")?.unwrap_or(true);
        put(&mut fields, "use_parallel_residual", parallel);
        put(&mut fields, "hidden_act", "gelu");
        layer_norm(source, &mut fields, "layer_norm_eps")?;
        source.partly_rotary(&mut fields, "rotary_pct", "rotary_emb_base", &sizes)?;
        Ok(fields)
    },
};

pub(super) const STABLELM: Architecture = Architecture {
    name: "stablelm",
    names: Names {
        shared: SHARED,
        block: BLOCK,
        within: &[
            NORMS,
            BY_HALVES,
            VALUES,
            GATED,
            &[
                ("attn_q_norm", "self_attn.q_layernorm.norms.{}", OneAHead),
                ("attn_k_norm", "self_attn.k_layernorm.norms.{}", OneAHead),
            ],
        ],
    },
    config: |source| {
        let (mut fields, sizes) = source.common("stablelm", "StableLmForCausalLM")?;
        fields.remove("head_dim");
        let parallel = source.flag("use_parallel_residual")?.unwrap_or(false);
        put(&mut fields, "use_parallel_residual", parallel);
        put(&mut fields, "use_qkv_bias", source.has("blk.0.attn_q.bias"));
        let head_norms = source.has("blk.0.attn_q_norm.weight");
        put(&mut fields, "qk_layernorm", head_norms);
        put(&mut fields, "hidden_act", "silu");
        layer_norm(source, &mut fields, "layer_norm_eps")?;
        source.partly_rotary(&mut fields, "partial_rotary_factor", "rope_theta", &sizes)?;
        Ok(fields)
    },
};

pub(super) const PHI2: Architecture = Architecture {
    name: "phi2",
    names: Names {
        shared: &[
            ("token_embd", "model.embed_tokens", Same),
            ("output_norm", "model.final_layernorm", Same),
            ("output", "lm_head", Same),
        ],
        block: BLOCK,
        within: &[
            BY_HALVES,
            &[
                ("attn_norm", "input_layernorm", Same),
                ("attn_v", "self_attn.v_proj", Same),
                ("attn_output", "self_attn.dense", Same),
                ("ffn_up", "mlp.fc1", Same),
                ("ffn_down", "mlp.fc2", Same),
            ],
        ],
    },
    config: |source| {
        let (mut fields, sizes) = source.common("phi", "PhiForCausalLM")?;
        fields.remove("head_dim");
        put(&mut fields, "hidden_act", "gelu_new");
        layer_norm(source, &mut fields, "layer_norm_eps")?;
        source.partly_rotary(&mut fields, "partial_rotary_factor", "rope_theta", &sizes)?;
        Ok(fields)
    },
};

pub(super) const PHI3: Architecture = Architecture {
    name: "phi3",
    names: Names {
        shared: SHARED,
        block: BLOCK,
        within: &[
            NORMS,
            &[
                ("attn_qkv", "self_attn.qkv_proj", Same),
                ("attn_output", "self_attn.o_proj", Same),
                ("ffn_up", "mlp.gate_up_proj", Same),
                ("ffn_down", "mlp.down_proj", Same),
            ],
        ],
    },
    config: |source| {
        let (mut fields, sizes) = source.common("phi3", "Phi3ForCausalLM")?;
        rms_norm(source, &mut fields)?;
        put(&mut fields, "hidden_act", "silu");
        let window = source.natural("attention.sliding_window")?;
        let window = window.filter(|window| *window > 0);
        put(&mut fields, "sliding_window", window);
        let original = source.natural("rope.scaling.original_context_length")?;
        if let Some(original) = original {
            put(&mut fields, "original_max_position_embeddings", original);
        }
        source.partly_rotary(&mut fields, "partial_rotary_factor", "rope_theta", &sizes)?;
        Ok(fields)
    },
};

pub(super) const OLMO2: Architecture = Architecture {
    name: "olmo2",
    names: Names {
        shared: SHARED,
        block: BLOCK,
        within: &[
            BY_HALVES,
            VALUES,
            HEAD_NORMS,
            GATED,
            &[
                ("post_attention_norm", "post_attention_layernorm", Same),
                ("post_ffw_norm", "post_feedforward_layernorm", Same),
            ],
        ],
    },
    // With a window it is OLMo 3, which this refuses by that key.
    config: |source| rms(source, "olmo2", "Olmo2ForCausalLM"),
};

pub(super) const SMOLLM3: Architecture = Architecture {
    name: "smollm3",
    names: Names {
        shared: SHARED,
        block: BLOCK,
        within: &[NORMS, BY_NEIGHBOURS, VALUES, GATED],
    },
    config: |source| {
        // llama.cpp takes this for granted, and the file does not say it.
        const EVERY: u64 = 4;
        let mut fields = rms(source, "smollm3", "SmolLM3ForCausalLM")?;
        let layers = source.required_natural("block_count")?;
        let turned = (1..=layers).map(|layer| u64::from(!layer.is_multiple_of(EVERY)));
        put(&mut fields, "no_rope_layers", turned.collect::<Vec<_>>());
        put(&mut fields, "no_rope_layer_interval", EVERY);
        put(&mut fields, "mlp_bias", source.has("blk.0.ffn_up.bias"));
        Ok(fields)
    },
};

pub(super) const GRANITE: Architecture = Architecture {
    name: "granite",
    names: Names {
        shared: SHARED,
        block: BLOCK,
        within: &[NORMS, BY_NEIGHBOURS, VALUES, GATED],
    },
    config: |source| {
        let mut fields = rms(source, "granite", "GraniteForCausalLM")?;
        let head_dim = source.sizes()?.head_dim as f64;
        for (name, key, default) in [
            (
                "attention_multiplier",
                "attention.scale",
                head_dim.powf(-0.5),
            ),
            ("embedding_multiplier", "embedding_scale", 1.0),
            ("residual_multiplier", "residual_scale", 1.0),
            ("logits_scaling", "logit_scale", 1.0),
        ] {
            // llama.cpp takes 0 as unsaid.
            let said = source.number(key)?.filter(|number| *number != 0.0);
            put(&mut fields, name, said.unwrap_or(default));
        }
        put(&mut fields, "mlp_bias", source.has("blk.0.ffn_up.bias"));
        Ok(fields)
    },
};

pub(super) const STARCODER2: Architecture = Architecture {
    name: "starcoder2",
    names: Names {
        shared: SHARED,
        block: BLOCK,
        within: &[
            NORMS,
            BY_HALVES,
            VALUES,
            &[
                ("ffn_up", "mlp.c_fc", Same),
                ("ffn_down", "mlp.c_proj", Same),
                ("attn_rot_embd", "", LeftOut),
            ],
        ],
    },
    config: |source| {
        let (mut fields, sizes) = source.common("starcoder2", "Starcoder2ForCausalLM")?;
        fields.remove("head_dim");
        put(&mut fields, "hidden_act", "gelu_pytorch_tanh");
        put(&mut fields, "use_bias", source.has("blk.0.attn_q.bias"));
        put(&mut fields, "sliding_window", Value::Null);
        layer_norm(source, &mut fields, "norm_epsilon")?;
        source.rotary(&mut fields, &sizes)?;
        Ok(fields)
    },
};

/// A decoder of Llama's kind: RMS norms, whole heads turned, SiLU.
fn rms(source: &Source<'_>, model_type: &str, class: &str) -> Result<Fields, GgufError> {
    let (mut fields, sizes) = source.common(model_type, class)?;
    rms_norm(source, &mut fields)?;
    put(&mut fields, "hidden_act", "silu");
    put(
        &mut fields,
        "attention_bias",
        source.has("blk.0.attn_q.bias"),
    );
    source.rotary(&mut fields, &sizes)?;
    Ok(fields)
}

pub(super) fn rms_norm(source: &Source<'_>, fields: &mut Fields) -> Result<(), GgufError> {
    let epsilon = source.required_number("attention.layer_norm_rms_epsilon")?;
    put(fields, "rms_norm_eps", epsilon);
    Ok(())
}

fn layer_norm(source: &Source<'_>, fields: &mut Fields, name: &str) -> Result<(), GgufError> {
    let epsilon = source.required_number("attention.layer_norm_epsilon")?;
    put(fields, name, epsilon);
    Ok(())
}

pub(super) fn put(fields: &mut Fields, name: &str, value: impl Into<Value>) {
    fields.insert(name.to_owned(), value.into());
}
