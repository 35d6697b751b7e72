//! GPT-NeoX (Pythia): partial rotary, attention and MLP side by side.

use super::{
    AttentionNames, Family, LinearLayout, MlpNames, TensorNames,
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
    model_type: "gpt_neox",
    spec,
    names: &TensorNames {
        prefix: "gpt_neox.",
        embedding: "embed_in",
        positions: None,
        final_norm: "final_layer_norm",
        head: "embed_out",
        block: "layers.{}.",
        attention_norm: "input_layernorm",
        mlp_norm: "post_attention_layernorm",
        attention: AttentionNames::FusedPerHead("attention.query_key_value"),
        attention_output: "attention.dense",
        mlp: MlpNames::Plain(["mlp.dense_h_to_4h", "mlp.dense_4h_to_h"]),
        layout: LinearLayout::OutputsFirst,
        buffers: &[
            "attention.bias",
            "attention.masked_bias",
            "attention.rotary_emb.inv_freq",
        ],
        ..TensorNames::LLAMA
    },
};

fn spec(config: &Config) -> Result<DecoderSpec, SpecError> {
    let layers = config.layers(&["num_hidden_layers"])?;
    let heads = common::heads(config, HeadDefaults::default())?;
    let bias = config.bool_or(&["attention_bias"], true)?;
    let residual = if config.bool_or(&["use_parallel_residual"], true)? {
        Residual::Parallel
    } else {
        Residual::Sequential
    };
    Ok(DecoderSpec {
        family: "gpt_neox",
        hidden_size: heads.hidden_size,
        vocab_size: config.usize(&["vocab_size"])?,
        context: config.usize(&["max_position_embeddings"])?,
        norm: NormSpec {
            kind: NormKind::LayerNorm,
            epsilon: config.f64_or(&["layer_norm_eps"], 1e-5)?,
        },
        norm_placement: NormPlacement::Before,
        embedding_multiplier: 1.0,
        position: PositionSpec::rotary(rotary(
            config,
            heads.head_dim,
            RotaryFields {
                theta: ("rotary_emb_base", 10_000.0),
                share: Some(("rotary_pct", 0.25)),
                ..RotaryFields::LLAMA
            },
        )?),
        attention: AttentionSpec {
            heads: heads.heads,
            kv_heads: heads.heads,
            head_dim: heads.head_dim,
            qkv_bias: bias,
            output_bias: bias,
            head_norm: None,
            soft_cap: None,
        },
        mlp: MlpSpec {
            inner_size: config.usize(&["intermediate_size"])?,
            gated: false,
            bias: true,
            activation: common::activation(config, &["hidden_act"], "gelu")?,
        },
        residual,
        residual_multiplier: 1.0,
        logits: LogitsSpec::default(),
        tied_embeddings: config.bool_or(&["tie_word_embeddings"], false)?,
        blocks: vec![common::scaled_by_head(heads.head_dim, None); layers],
    })
}
