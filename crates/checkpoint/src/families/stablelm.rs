//! StableLM, the model of the AVSS paper's authors: partial rotary, LayerNorm, gated MLP.

use super::{
    Family, TensorNames,
    common::{self, HeadDefaults},
    rotary::{RotaryFields, rotary},
};
use crate::{
    Config, DecoderSpec, SpecError,
    spec::{
        AttentionSpec, HeadNormSpec, LogitsSpec, MlpSpec, NormKind, NormPlacement, NormSpec,
        PositionSpec, Residual,
    },
};

pub(super) const FAMILY: Family = Family {
    model_type: "stablelm",
    spec,
    names: &TensorNames {
        head_norms: Some([
            "self_attn.q_layernorm.norms.{}",
            "self_attn.k_layernorm.norms.{}",
        ]),
        ..TensorNames::LLAMA
    },
};

fn spec(config: &Config) -> Result<DecoderSpec, SpecError> {
    let layers = config.layers(&["num_hidden_layers"])?;
    let heads = common::heads(
        config,
        HeadDefaults {
            kv_heads: Some(32),
            head_dim: None,
        },
    )?;
    let head_norm = config
        .bool_or(&["qk_layernorm"], false)?
        .then_some(HeadNormSpec::LayerNormPerHead);
    let residual = if config.bool_or(&["use_parallel_residual"], false)? {
        Residual::ParallelSharedNorm
    } else {
        Residual::Sequential
    };
    Ok(DecoderSpec {
        family: "stablelm",
        hidden_size: heads.hidden_size,
        vocab_size: config.usize(&["vocab_size"])?,
        context: config.usize(&["max_position_embeddings"])?,
        norm: NormSpec {
            kind: NormKind::LayerNorm,
            epsilon: config.f64_or(&["layer_norm_eps"], 1e-5)?,
        },
        norm_placement: NormPlacement::Before,
        embedding_multiplier: 1.0,
        position: PositionSpec::rotary(rotary(config, heads.head_dim, RotaryFields::partly(0.25))?),
        attention: AttentionSpec {
            heads: heads.heads,
            kv_heads: heads.kv_heads,
            head_dim: heads.head_dim,
            qkv_bias: config.bool_or(&["use_qkv_bias"], false)?,
            output_bias: false,
            head_norm,
            soft_cap: None,
        },
        mlp: MlpSpec {
            inner_size: config.usize(&["intermediate_size"])?,
            gated: true,
            bias: false,
            activation: common::activation(config, &["hidden_act"], "silu")?,
        },
        residual,
        residual_multiplier: 1.0,
        logits: LogitsSpec::default(),
        tied_embeddings: config.bool_or(&["tie_word_embeddings"], false)?,
        blocks: vec![common::scaled_by_head(heads.head_dim, None); layers],
    })
}
