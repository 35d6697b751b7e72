//! Phi-3 and Phi-4: Llama with fused maps, and contexts beyond the trained one by LongRoPE.

use super::{
    AttentionNames, Family, MlpNames, TensorNames,
    llama::{LlamaLike, gated_rotary},
    rotary::{RotaryFields, Scalings},
};
use crate::{Config, DecoderSpec, SpecError};

pub(super) const FAMILY: Family = Family {
    model_type: "phi3",
    spec,
    names: &TensorNames {
        attention: AttentionNames::FusedInTurn("self_attn.qkv_proj"),
        mlp: MlpNames::FusedGate(["mlp.gate_up_proj", "mlp.down_proj"]),
        ..TensorNames::LLAMA
    },
};

fn spec(config: &Config) -> Result<DecoderSpec, SpecError> {
    let defaults = LlamaLike {
        rotary: RotaryFields {
            scalings: Scalings::LongRope {
                original_context: 4096,
            },
            ..RotaryFields::partly(1.0)
        },
        epsilon: 1e-5,
        ..LlamaLike::default()
    };
    let mut spec = gated_rotary("phi3", config, defaults)?;
    let window = config.optional_usize(&["sliding_window"])?;
    for block in &mut spec.blocks {
        block.window = window;
    }
    Ok(spec)
}
