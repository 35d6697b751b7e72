//! OPT: learned positions of which the first two rows are not used, LayerNorm, ReLU.

use super::{AttentionNames, Family, LinearLayout, MlpNames, TensorNames, common};
use crate::{
    Config, DecoderSpec, SpecError,
    spec::{
        AttentionSpec, BlockSpec, LogitsSpec, MlpSpec, NormKind, NormPlacement, NormSpec,
        PositionSpec, Residual,
    },
};

pub(super) const FAMILY: Family = Family {
    model_type: "opt",
    spec,
    names: &TensorNames {
        prefix: "model.",
        embedding: "decoder.embed_tokens",
        positions: Some("decoder.embed_positions"),
        final_norm: "decoder.final_layer_norm",
        head: "lm_head",
        block: "decoder.layers.{}.",
        attention_norm: "self_attn_layer_norm",
        mlp_norm: "final_layer_norm",
        attention: AttentionNames::Split([
            "self_attn.q_proj",
            "self_attn.k_proj",
            "self_attn.v_proj",
        ]),
        attention_output: "self_attn.out_proj",
        mlp: MlpNames::Plain(["fc1", "fc2"]),
        layout: LinearLayout::OutputsFirst,
        buffers: &[],
        ..TensorNames::LLAMA
    },
};

/// What only few models have and this decoder has not: the field, the value that can be run, and what the other one means.
const USUAL: [(&str, bool, &str); 3] = [
    (
        "do_layer_norm_before",
        true,
        "true: with false, what leaves a block is normed, so that a block does not add to the residual stream",
    ),
    (
        "_remove_final_layer_norm",
        false,
        "false: with true, nothing is normed before the head",
    ),
    (
        "layer_norm_elementwise_affine",
        true,
        "true: with false, norms have no weights",
    ),
];

fn spec(config: &Config) -> Result<DecoderSpec, SpecError> {
    for (field, usual, supported) in USUAL {
        let found = config.bool_or(&[field], usual)?;
        if found != usual {
            return Err(SpecError::Unsupported {
                field,
                found: found.to_string(),
                supported,
            });
        }
    }
    let hidden_size = config.usize(&["hidden_size"])?;
    let embedded = config.usize_or(&["word_embed_proj_dim"], hidden_size)?;
    if embedded != hidden_size {
        return Err(SpecError::Unsupported {
            field: "word_embed_proj_dim",
            found: embedded.to_string(),
            supported: "the same as `hidden_size`: embeddings are not projected",
        });
    }
    let heads = config.usize(&["num_attention_heads"])?;
    let layers = config.layers(&["num_hidden_layers"])?;
    let context = config.usize(&["max_position_embeddings"])?;
    let head_dim = common::divide(hidden_size, heads)?;
    let bias = config.bool_or(&["enable_bias"], true)?;
    let block = BlockSpec {
        rotary: None,
        ..common::scaled_by_head(head_dim, None)
    };
    Ok(DecoderSpec {
        family: "opt",
        hidden_size,
        vocab_size: config.usize(&["vocab_size"])?,
        context,
        norm: NormSpec {
            kind: NormKind::LayerNorm,
            epsilon: 1e-5,
        },
        norm_placement: NormPlacement::Before,
        embedding_multiplier: 1.0,
        position: PositionSpec::Learned {
            positions: context,
            offset: 2,
        },
        attention: AttentionSpec {
            heads,
            kv_heads: heads,
            head_dim,
            qkv_bias: bias,
            output_bias: bias,
            head_norm: None,
            soft_cap: None,
        },
        mlp: MlpSpec {
            inner_size: config.usize(&["ffn_dim"])?,
            gated: false,
            bias,
            activation: common::activation(config, &["activation_function"], "relu")?,
        },
        residual: Residual::Sequential,
        residual_multiplier: 1.0,
        logits: LogitsSpec::default(),
        tied_embeddings: config.bool_or(&["tie_word_embeddings"], true)?,
        blocks: vec![block; layers],
    })
}
