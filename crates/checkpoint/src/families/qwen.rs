//! Qwen2 and Qwen3.

use super::{
    Family, TensorNames,
    common::{self, HeadDefaults},
    llama::{Biases, LlamaLike, gated_rotary},
};
use crate::{Config, DecoderSpec, SpecError, spec::HeadNormSpec};

pub(super) const QWEN2: Family = Family {
    model_type: "qwen2",
    spec: qwen2,
    names: &TensorNames::LLAMA,
};

pub(super) const QWEN3: Family = Family {
    model_type: "qwen3",
    spec: qwen3,
    names: &TensorNames {
        head_norms: Some(["self_attn.q_norm", "self_attn.k_norm"]),
        ..TensorNames::LLAMA
    },
};

fn qwen2(config: &Config) -> Result<DecoderSpec, SpecError> {
    let defaults = LlamaLike {
        biases: Biases {
            qkv: true,
            ..Biases::default()
        },
        heads: HeadDefaults {
            kv_heads: Some(32),
            head_dim: None,
        },
        ..LlamaLike::default()
    };
    let mut spec = gated_rotary("qwen2", config, defaults)?;
    window_some_layers(&mut spec, config)?;
    Ok(spec)
}

fn qwen3(config: &Config) -> Result<DecoderSpec, SpecError> {
    let defaults = LlamaLike {
        biases: Biases::of_attention(config)?,
        heads: HeadDefaults {
            kv_heads: Some(32),
            head_dim: Some(128),
        },
        ..LlamaLike::default()
    };
    let mut spec = gated_rotary("qwen3", config, defaults)?;
    spec.attention.head_norm = Some(HeadNormSpec::SharedRms);
    window_some_layers(&mut spec, config)?;
    Ok(spec)
}

/// `layer_types` says which layers slide; without it, those from `max_window_layers` on do.
fn window_some_layers(spec: &mut DecoderSpec, config: &Config) -> Result<(), SpecError> {
    if !config.bool_or(&["use_sliding_window"], false)? {
        return Ok(());
    }
    let Some(window) = config.usize_unless_null("sliding_window", 4096)? else {
        return Ok(());
    };
    let slides = match common::sliding_layers(config, spec.layers())? {
        Some(slides) => slides,
        None => {
            let first = config.optional_index(&["max_window_layers"])?.unwrap_or(28);
            (0..spec.layers()).map(|layer| layer >= first).collect()
        }
    };
    common::set_windows(config, &mut spec.blocks, &slides, Some(window))
}
