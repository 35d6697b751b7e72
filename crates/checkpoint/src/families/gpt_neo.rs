//! GPT-Neo: global and local attention by turns, scores without scaling.

use super::{AttentionNames, Family, LinearLayout, MlpNames, TensorNames, common};
use crate::{
    Config, DecoderSpec, SpecError,
    spec::{
        AttentionSpec, BlockSpec, LogitsSpec, MlpSpec, NormKind, NormPlacement, NormSpec,
        PositionSpec, Residual,
    },
};

pub(super) const FAMILY: Family = Family {
    model_type: "gpt_neo",
    spec,
    names: &TensorNames {
        prefix: "transformer.",
        embedding: "wte",
        positions: Some("wpe"),
        final_norm: "ln_f",
        head: "lm_head",
        block: "h.{}.",
        attention_norm: "ln_1",
        mlp_norm: "ln_2",
        attention: AttentionNames::Split([
            "attn.attention.q_proj",
            "attn.attention.k_proj",
            "attn.attention.v_proj",
        ]),
        attention_output: "attn.attention.out_proj",
        mlp: MlpNames::Plain(["mlp.c_fc", "mlp.c_proj"]),
        layout: LinearLayout::OutputsFirst,
        buffers: &["attn.attention.bias", "attn.attention.masked_bias"],
        ..TensorNames::LLAMA
    },
};

fn spec(config: &Config) -> Result<DecoderSpec, SpecError> {
    let hidden_size = config.usize(&["hidden_size"])?;
    let heads = config.usize(&["num_heads", "num_attention_heads"])?;
    let layers = config.layers(&["num_layers", "num_hidden_layers"])?;
    let context = config.usize(&["max_position_embeddings"])?;
    let window = config.usize_or(&["window_size"], 256)?;
    let blocks = common::gpt_neo_attention(config, layers)?
        .into_iter()
        .map(|local| BlockSpec {
            window: local.then_some(window),
            attention_scale: 1.0,
            rotary: None,
        })
        .collect();
    Ok(DecoderSpec {
        family: "gpt_neo",
        hidden_size,
        vocab_size: config.usize(&["vocab_size"])?,
        context,
        norm: NormSpec {
            kind: NormKind::LayerNorm,
            epsilon: config.f64_or(&["layer_norm_epsilon"], 1e-5)?,
        },
        norm_placement: NormPlacement::Before,
        embedding_multiplier: 1.0,
        position: PositionSpec::Learned {
            positions: context,
            offset: 0,
        },
        attention: AttentionSpec {
            heads,
            kv_heads: heads,
            head_dim: common::divide(hidden_size, heads)?,
            qkv_bias: false,
            output_bias: true,
            head_norm: None,
            soft_cap: None,
        },
        mlp: MlpSpec {
            inner_size: config.usize_or(&["intermediate_size"], hidden_size.saturating_mul(4))?,
            gated: false,
            bias: true,
            activation: common::activation(config, &["activation_function"], "gelu_new")?,
        },
        residual: Residual::Sequential,
        residual_multiplier: 1.0,
        logits: LogitsSpec::default(),
        tied_embeddings: config.bool_or(&["tie_word_embeddings"], true)?,
        blocks,
    })
}
