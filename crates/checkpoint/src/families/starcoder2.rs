//! StarCoder 2: LayerNorm, a plain MLP, biases, a window in every layer.

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
    model_type: "starcoder2",
    spec,
    names: &TensorNames {
        mlp: MlpNames::Plain(["mlp.c_fc", "mlp.c_proj"]),
        ..TensorNames::LLAMA
    },
};

fn spec(config: &Config) -> Result<DecoderSpec, SpecError> {
    let layers = config.layers(&["num_hidden_layers"])?;
    let defaults = HeadDefaults {
        kv_heads: Some(2),
        head_dim: None,
    };
    let heads = common::heads(config, defaults)?;
    let bias = config.bool_or(&["use_bias"], true)?;
    let window = config.optional_usize(&["sliding_window"])?;
    Ok(DecoderSpec {
        family: "starcoder2",
        hidden_size: heads.hidden_size,
        vocab_size: config.usize(&["vocab_size"])?,
        context: config.usize(&["max_position_embeddings"])?,
        norm: NormSpec {
            kind: NormKind::LayerNorm,
            epsilon: config.f64_or(&["norm_epsilon"], 1e-5)?,
        },
        norm_placement: NormPlacement::Before,
        embedding_multiplier: 1.0,
        position: PositionSpec::rotary(rotary(config, heads.head_dim, RotaryFields::LLAMA)?),
        attention: AttentionSpec {
            heads: heads.heads,
            kv_heads: heads.kv_heads,
            head_dim: heads.head_dim,
            qkv_bias: bias,
            output_bias: bias,
            head_norm: None,
            soft_cap: None,
        },
        mlp: MlpSpec {
            inner_size: config.usize(&["intermediate_size"])?,
            gated: false,
            bias,
            activation: common::activation(config, &["hidden_act"], "gelu_pytorch_tanh")?,
        },
        residual: Residual::Sequential,
        residual_multiplier: 1.0,
        logits: LogitsSpec::default(),
        tied_embeddings: config.bool_or(&["tie_word_embeddings"], true)?,
        blocks: vec![common::scaled_by_head(heads.head_dim, window); layers],
    })
}
