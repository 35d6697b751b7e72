//! Llama and Mistral.

use super::{
    Family, TensorNames,
    common::{self, HeadDefaults, RotaryFields},
};
use crate::{
    Config, DecoderSpec, SpecError,
    spec::{AttentionSpec, MlpSpec, NormKind, NormSpec, PositionSpec, Residual},
};

pub(super) const LLAMA: Family = Family {
    model_type: "llama",
    spec: llama,
    names: &TensorNames::LLAMA,
};

pub(super) const MISTRAL: Family = Family {
    model_type: "mistral",
    spec: mistral,
    names: &TensorNames::LLAMA,
};

fn llama(config: &Config) -> Result<DecoderSpec, SpecError> {
    let attention_bias = config.bool_or(&["attention_bias"], false)?;
    let biases = Biases {
        qkv: attention_bias,
        attention_output: attention_bias,
        mlp: config.bool_or(&["mlp_bias"], false)?,
    };
    gated_rotary("llama", config, biases, HeadDefaults::default())
}

fn mistral(config: &Config) -> Result<DecoderSpec, SpecError> {
    let heads = HeadDefaults {
        kv_heads: Some(8),
        head_dim: None,
    };
    let mut spec = gated_rotary("mistral", config, Biases::default(), heads)?;
    let window = config.usize_unless_null("sliding_window", 4096)?;
    for block in &mut spec.blocks {
        block.window = window;
    }
    Ok(spec)
}

/// Which maps have a bias.
#[derive(Default)]
pub(super) struct Biases {
    pub qkv: bool,
    pub attention_output: bool,
    pub mlp: bool,
}

/// The decoder of Llama, which Mistral and Qwen vary: RMS norms, rotary positions over whole
/// heads, a gated MLP, sequential residuals.
pub(super) fn gated_rotary(
    family: &'static str,
    config: &Config,
    biases: Biases,
    defaults: HeadDefaults,
) -> Result<DecoderSpec, SpecError> {
    let layers = config.layers(&["num_hidden_layers"])?;
    let heads = common::heads(config, defaults)?;
    Ok(DecoderSpec {
        family,
        hidden_size: heads.hidden_size,
        vocab_size: config.usize(&["vocab_size"])?,
        context: config.usize(&["max_position_embeddings"])?,
        norm: NormSpec {
            kind: NormKind::RmsNorm,
            epsilon: config.f64_or(&["rms_norm_eps"], 1e-6)?,
        },
        position: PositionSpec::Rotary(common::rotary(
            config,
            heads.head_dim,
            RotaryFields::LLAMA,
        )?),
        attention: AttentionSpec {
            heads: heads.heads,
            kv_heads: heads.kv_heads,
            head_dim: heads.head_dim,
            qkv_bias: biases.qkv,
            output_bias: biases.attention_output,
            head_norm: None,
        },
        mlp: MlpSpec {
            inner_size: config.usize(&["intermediate_size"])?,
            gated: true,
            bias: biases.mlp,
            activation: common::activation(config, &["hidden_act"], "silu")?,
        },
        residual: Residual::Sequential,
        tied_embeddings: config.bool_or(&["tie_word_embeddings"], false)?,
        blocks: vec![common::scaled_by_head(heads.head_dim, None); layers],
    })
}
