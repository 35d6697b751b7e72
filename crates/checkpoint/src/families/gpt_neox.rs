//! GPT-NeoX (Pythia): partial rotary, attention and MLP side by side.

use super::{
    AttentionNames, Family, LinearLayout, MlpNames, TensorNames,
    common::{self, HeadDefaults, RotaryFields},
};
use crate::{
    Config, DecoderSpec, SpecError,
    spec::{AttentionSpec, MlpSpec, NormKind, NormSpec, PositionSpec, Residual},
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
        head_norms: None,
        mlp: MlpNames::Plain(["mlp.dense_h_to_4h", "mlp.dense_4h_to_h"]),
        layout: LinearLayout::OutputsFirst,
        buffers: &[
            "attention.bias",
            "attention.masked_bias",
            "attention.rotary_emb.inv_freq",
        ],
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
        position: PositionSpec::Rotary(common::rotary(
            config,
            heads.head_dim,
            RotaryFields {
                theta: "rotary_emb_base",
                share: Some(("rotary_pct", 0.25)),
            },
        )?),
        attention: AttentionSpec {
            heads: heads.heads,
            kv_heads: heads.heads,
            head_dim: heads.head_dim,
            qkv_bias: bias,
            output_bias: bias,
            head_norm: None,
        },
        mlp: MlpSpec {
            inner_size: config.usize(&["intermediate_size"])?,
            gated: false,
            bias: true,
            activation: common::activation(config, &["hidden_act"], "gelu")?,
        },
        residual,
        tied_embeddings: config.bool_or(&["tie_word_embeddings"], false)?,
        blocks: vec![common::scaled_by_head(heads.head_dim, None); layers],
    })
}
