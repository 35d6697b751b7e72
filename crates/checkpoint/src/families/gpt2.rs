//! GPT-2.

use super::{AttentionNames, Family, LinearLayout, MlpNames, TensorNames, common};
use crate::{
    Config, DecoderSpec, SpecError,
    spec::{
        AttentionSpec, BlockSpec, LogitsSpec, MlpSpec, NormKind, NormPlacement, NormSpec,
        PositionSpec, Residual,
    },
};

pub(super) const FAMILY: Family = Family {
    model_type: "gpt2",
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
        attention: AttentionNames::FusedInTurn("attn.c_attn"),
        attention_output: "attn.c_proj",
        mlp: MlpNames::Plain(["mlp.c_fc", "mlp.c_proj"]),
        layout: LinearLayout::InputsFirst,
        buffers: &["attn.bias", "attn.masked_bias"],
        ..TensorNames::LLAMA
    },
};

fn spec(config: &Config) -> Result<DecoderSpec, SpecError> {
    let hidden_size = config.usize(&["n_embd", "hidden_size"])?;
    let heads = config.usize(&["n_head", "num_attention_heads"])?;
    let layers = config.layers(&["n_layer", "num_hidden_layers"])?;
    let context = config.usize(&["n_positions", "max_position_embeddings"])?;
    let head_dim = common::divide(hidden_size, heads)?;
    let scaled = config.bool_or(&["scale_attn_weights"], true)?;
    let by_layer = config.bool_or(&["scale_attn_by_inverse_layer_idx"], false)?;
    let blocks = (0..layers)
        .map(|layer| {
            let by_head = if scaled {
                (head_dim as f64).powf(-0.5)
            } else {
                1.0
            };
            let by_layer = if by_layer { (layer + 1) as f64 } else { 1.0 };
            BlockSpec {
                window: None,
                attention_scale: by_head / by_layer,
                rotary: None,
            }
        })
        .collect();
    Ok(DecoderSpec {
        family: "gpt2",
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
            head_dim,
            qkv_bias: true,
            output_bias: true,
            head_norm: None,
            soft_cap: None,
        },
        mlp: MlpSpec {
            inner_size: config.usize_or(&["n_inner"], hidden_size.saturating_mul(4))?,
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
