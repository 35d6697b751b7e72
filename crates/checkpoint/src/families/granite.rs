//! Granite: Llama with a multiplier in four places.

use super::{
    Family, TensorNames, common,
    llama::{Biases, LlamaLike, gated_rotary},
};
use crate::{Config, DecoderSpec, SpecError};

pub(super) const FAMILY: Family = Family {
    model_type: "granite",
    spec,
    names: &TensorNames::LLAMA,
};

fn spec(config: &Config) -> Result<DecoderSpec, SpecError> {
    let defaults = LlamaLike {
        biases: Biases::of_attention_and_mlp(config)?,
        ..LlamaLike::default()
    };
    let mut spec = gated_rotary("granite", config, defaults)?;
    spec.embedding_multiplier = config.f64_or(&["embedding_multiplier"], 1.0)?;
    spec.residual_multiplier = config.f64_or(&["residual_multiplier"], 1.0)?;
    spec.logits.divisor = config.f64_or(&["logits_scaling"], 1.0)?;
    common::above_zero("logits_scaling", Some(spec.logits.divisor))?;
    let scale = config.f64_or(&["attention_multiplier"], 1.0)?;
    for block in &mut spec.blocks {
        block.attention_scale = scale;
    }
    Ok(spec)
}
