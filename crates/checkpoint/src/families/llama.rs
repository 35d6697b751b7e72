//! Llama and Mistral.

use super::{
    Family, TensorNames,
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
    let defaults = LlamaLike {
        biases: Biases::of_attention_and_mlp(config)?,
        ..LlamaLike::default()
    };
    gated_rotary("llama", config, defaults)
}

fn mistral(config: &Config) -> Result<DecoderSpec, SpecError> {
    let defaults = LlamaLike {
        heads: HeadDefaults {
            kv_heads: Some(8),
            head_dim: None,
        },
        ..LlamaLike::default()
    };
    let mut spec = gated_rotary("mistral", config, defaults)?;
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

impl Biases {
    /// `attention_bias`, which is of all four maps.
    pub fn of_attention(config: &Config) -> Result<Self, SpecError> {
        let attention = config.bool_or(&["attention_bias"], false)?;
        Ok(Self {
            qkv: attention,
            attention_output: attention,
            mlp: false,
        })
    }

    /// The same, and `mlp_bias`.
    pub fn of_attention_and_mlp(config: &Config) -> Result<Self, SpecError> {
        Ok(Self {
            mlp: config.bool_or(&["mlp_bias"], false)?,
            ..Self::of_attention(config)?
        })
    }
}

/// Where a family departs from Llama: its biases, and what it takes where the configuration says nothing.
pub(super) struct LlamaLike {
    pub biases: Biases,
    pub heads: HeadDefaults,
    pub rotary: RotaryFields,
    /// Of the norms.
    pub epsilon: f64,
    /// The field that names the non-linearity, and the default.
    pub activation: (&'static str, &'static str),
    /// Whether the head is the embedding matrix.
    pub tied: bool,
}

impl Default for LlamaLike {
    fn default() -> Self {
        Self {
            biases: Biases::default(),
            heads: HeadDefaults::default(),
            rotary: RotaryFields::LLAMA,
            epsilon: 1e-6,
            activation: ("hidden_act", "silu"),
            tied: false,
        }
    }
}

/// The decoder of Llama, which most later families vary: RMS norms, rotary positions, a gated MLP, sequential residuals.
pub(super) fn gated_rotary(
    family: &'static str,
    config: &Config,
    defaults: LlamaLike,
) -> Result<DecoderSpec, SpecError> {
    let layers = config.layers(&["num_hidden_layers"])?;
    let heads = common::heads(config, defaults.heads)?;
    let (activation, usual) = defaults.activation;
    Ok(DecoderSpec {
        family,
        hidden_size: heads.hidden_size,
        vocab_size: config.usize(&["vocab_size"])?,
        context: config.usize(&["max_position_embeddings"])?,
        norm: NormSpec {
            kind: NormKind::RmsNorm,
            epsilon: config.f64_or(&["rms_norm_eps"], defaults.epsilon)?,
        },
        norm_placement: NormPlacement::Before,
        embedding_multiplier: 1.0,
        position: PositionSpec::rotary(rotary(config, heads.head_dim, defaults.rotary)?),
        attention: AttentionSpec {
            heads: heads.heads,
            kv_heads: heads.kv_heads,
            head_dim: heads.head_dim,
            qkv_bias: defaults.biases.qkv,
            output_bias: defaults.biases.attention_output,
            head_norm: None,
            soft_cap: None,
        },
        mlp: MlpSpec {
            inner_size: config.usize(&["intermediate_size"])?,
            gated: true,
            bias: defaults.biases.mlp,
            activation: common::activation(config, &[activation], usual)?,
        },
        residual: Residual::Sequential,
        residual_multiplier: 1.0,
        logits: LogitsSpec::default(),
        tied_embeddings: config.bool_or(&["tie_word_embeddings"], defaults.tied)?,
        blocks: vec![common::scaled_by_head(heads.head_dim, None); layers],
    })
}
