//! SmolLM3: Llama, but some layers do without rotary positions.

use super::{
    Family, TensorNames,
    common::{self, HeadDefaults},
    llama::{Biases, LlamaLike, gated_rotary},
    rotary::RotaryFields,
};
use crate::{Config, DecoderSpec, SpecError};

pub(super) const FAMILY: Family = Family {
    model_type: "smollm3",
    spec,
    names: &TensorNames::LLAMA,
};

fn spec(config: &Config) -> Result<DecoderSpec, SpecError> {
    let defaults = LlamaLike {
        biases: Biases::of_attention_and_mlp(config)?,
        heads: HeadDefaults {
            kv_heads: Some(4),
            head_dim: None,
        },
        rotary: RotaryFields {
            theta: ("rope_theta", 2_000_000.0),
            ..RotaryFields::LLAMA
        },
        tied: true,
        ..LlamaLike::default()
    };
    let mut spec = gated_rotary("smollm3", config, defaults)?;
    let layers = spec.layers();
    let rotates = rotated_layers(config, layers)?;
    let window = config.optional_usize(&["sliding_window"])?;
    let window_is_used = config.bool_or(&["use_sliding_window"], false)?;
    let slides = match common::sliding_layers(config, layers)? {
        // Implementations of attention in transformers do not agree on what this means.
        Some(slides) if slides.contains(&true) && !window_is_used => {
            let problem = "`layer_types` has sliding layers, but `use_sliding_window` is not true";
            return Err(SpecError::Inconsistent(problem.into()));
        }
        Some(slides) => slides,
        None => {
            let slides = window_is_used && window.is_some();
            rotates.iter().map(|rotates| slides && !rotates).collect()
        }
    };
    common::set_windows(config, &mut spec.blocks, &slides, window)?;
    for (block, rotates) in spec.blocks.iter_mut().zip(rotates) {
        block.rotary = rotates.then_some(0);
    }
    Ok(spec)
}

/// Which layers have rotary positions. `no_rope_layers` says it, despite its name; without it, each fourth layer has none, or
/// each `no_rope_layer_interval`th.
fn rotated_layers(config: &Config, layers: usize) -> Result<Vec<bool>, SpecError> {
    const FIELD: &str = "no_rope_layers";
    match config.flags(FIELD)? {
        Some(flags) if flags.len() >= layers => Ok(flags[..layers].to_vec()),
        Some(flags) => Err(SpecError::Inconsistent(format!(
            "`{FIELD}` describes {} layers, but the model has {layers}",
            flags.len()
        ))),
        None => {
            let interval = config.usize_or(&["no_rope_layer_interval"], 4)?;
            let numbers = 1..=layers;
            Ok(numbers
                .map(|number| !number.is_multiple_of(interval))
                .collect())
        }
    }
}
