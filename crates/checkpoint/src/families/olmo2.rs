//! OLMo 2: norms after sublayers, none before; queries and keys normed over all heads together.

use super::{
    Family, TensorNames,
    llama::{Biases, LlamaLike, gated_rotary},
};
use crate::{
    Config, DecoderSpec, SpecError,
    spec::{HeadNormSpec, NormPlacement},
};

pub(super) const FAMILY: Family = Family {
    model_type: "olmo2",
    spec,
    names: &TensorNames {
        head_norms: Some(["self_attn.q_norm", "self_attn.k_norm"]),
        ..TensorNames::LLAMA
    },
};

fn spec(config: &Config) -> Result<DecoderSpec, SpecError> {
    let defaults = LlamaLike {
        biases: Biases::of_attention(config)?,
        epsilon: 1e-5,
        ..LlamaLike::default()
    };
    let mut spec = gated_rotary("olmo2", config, defaults)?;
    spec.norm_placement = NormPlacement::After;
    spec.attention.head_norm = Some(HeadNormSpec::RmsOverHeads);
    Ok(spec)
}
