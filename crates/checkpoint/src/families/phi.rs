//! Phi-1 to Phi-2: attention and MLP side by side after one norm, a bias everywhere.

use super::{
    Family, MlpNames, TensorNames,
    common::{self, HeadDefaults},
    rotary::{RotaryFields, rotary},
};
use crate::{
    Config, DecoderSpec, SpecError,
    spec::{
        AttentionSpec, LogitsSpec, MlpSpec, NormKind, NormPlacement, NormSpec, PositionSpec,
        Residual,
    },
};

pub(super) const FAMILY: Family = Family {
    model_type: "phi",
    spec,
    names: &TensorNames {
        final_norm: "final_layernorm",
        attention_output: "self_attn.dense",
        mlp: MlpNames::Plain(["mlp.fc1", "mlp.fc2"]),
        ..TensorNames::LLAMA
    },
};

fn spec(config: &Config) -> Result<DecoderSpec, SpecError> {
    let layers = config.layers(&["num_hidden_layers"])?;
    let heads = common::heads(config, HeadDefaults::default())?;
    // No published model of the family has either.
    for field in ["qk_layernorm", "tie_word_embeddings"] {
        if config.bool_or(&[field], false)? {
            return Err(SpecError::Unsupported {
                field,
                found: "true".to_owned(),
                supported: "false",
            });
        }
    }
    Ok(DecoderSpec {
        family: "phi",
        hidden_size: heads.hidden_size,
        vocab_size: config.usize(&["vocab_size"])?,
        context: config.usize(&["max_position_embeddings"])?,
        norm: NormSpec {
            kind: NormKind::LayerNorm,
            epsilon: config.f64_or(&["layer_norm_eps"], 1e-5)?,
        },
        norm_placement: NormPlacement::Before,
        embedding_multiplier: 1.0,
        position: PositionSpec::rotary(rotary(config, heads.head_dim, RotaryFields::partly(0.5))?),
        attention: AttentionSpec {
            heads: heads.heads,
            kv_heads: heads.kv_heads,
            head_dim: heads.head_dim,
            qkv_bias: true,
            output_bias: true,
            head_norm: None,
            soft_cap: None,
        },
        mlp: MlpSpec {
            inner_size: config.usize(&["intermediate_size"])?,
            gated: false,
            bias: true,
            activation: common::activation(config, &["hidden_act"], "gelu_new")?,
        },
        residual: Residual::ParallelSharedNorm,
        residual_multiplier: 1.0,
        logits: LogitsSpec {
            bias: true,
            ..LogitsSpec::default()
        },
        tied_embeddings: false,
        blocks: vec![common::scaled_by_head(heads.head_dim, None); layers],
    })
}
