//! Names of tensors in Hugging Face checkpoints.

use super::Map;
use crate::{DecoderSpec, spec::AttentionSpec};

/// Where each part of a decoder lies in a checkpoint. Names of a block's tensors follow `block`
/// with `{}` replaced by the layer; all but `head` follow `prefix`, or stand without it, as in
/// checkpoints saved from the bare model.
#[derive(Debug)]
pub struct TensorNames {
    /// What all names but that of the head begin with.
    pub prefix: &'static str,
    /// The embedding matrix.
    pub embedding: &'static str,
    /// Learned positions, where there are any.
    pub positions: Option<&'static str>,
    /// The norm after the last block.
    pub final_norm: &'static str,
    /// The output projection.
    pub head: &'static str,
    /// What a block's names begin with; `{}` is the layer.
    pub block: &'static str,
    /// The norm before attention, where there is one.
    pub attention_norm: &'static str,
    /// The norm before the MLP, where there is one.
    pub mlp_norm: &'static str,
    /// The norms after attention and after the MLP, where there are any.
    pub after_norms: [&'static str; 2],
    /// Query, key and value projections.
    pub attention: AttentionNames,
    /// The projection from the heads back to the residual stream.
    pub attention_output: &'static str,
    /// Norms of queries and keys. Where each head has its own tensor, `{}` is the head.
    pub head_norms: Option<[&'static str; 2]>,
    /// The feed-forward maps.
    pub mlp: MlpNames,
    /// Order of the maps' dimensions.
    pub layout: LinearLayout,
    /// What older programs saved of a block beside its weights: masks and frequencies, which the decoder makes itself.
    pub buffers: &'static [&'static str],
}

/// How query, key and value projections are stored.
#[derive(Debug)]
pub enum AttentionNames {
    /// Three maps: query, key, value.
    Split([&'static str; 3]),
    /// One map whose outputs are all queries, then all keys, then all values.
    FusedInTurn(&'static str),
    /// One map whose outputs are, head after head, its query, key and value.
    FusedPerHead(&'static str),
}

impl AttentionNames {
    /// Which of the stored outputs is output `output` of `part`: 0 for the query, 1 for the key, 2 for the value.
    pub fn row(&self, spec: &AttentionSpec, part: usize, output: usize) -> usize {
        let dim = spec.head_dim;
        match self {
            Self::Split(_) => output,
            Self::FusedInTurn(_) => {
                let before = [0, spec.heads, spec.heads + spec.kv_heads];
                before[part] * dim + output
            }
            Self::FusedPerHead(_) => (output / dim * 3 + part) * dim + output % dim,
        }
    }
}

/// How the feed-forward maps are stored.
#[derive(Debug)]
pub enum MlpNames {
    /// Gate, up and down.
    Gated([&'static str; 3]),
    /// One map whose outputs are those of the gate, then those of up; and down.
    FusedGate([&'static str; 2]),
    /// Up and down.
    Plain([&'static str; 2]),
}

/// Order of a linear map's dimensions in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinearLayout {
    /// `[outputs, inputs]`: PyTorch's `Linear`.
    OutputsFirst,
    /// `[inputs, outputs]`: GPT-2's `Conv1D`.
    InputsFirst,
}

/// A linear map as a checkpoint stores it.
pub struct StoredMap {
    /// Its name within a block.
    pub name: &'static str,
    /// The maps that it holds, one unless it is fused.
    pub parts: Vec<Map>,
    /// Where the outputs of fused maps lie.
    names: &'static AttentionNames,
}

impl StoredMap {
    /// Which of the stored outputs is output `output` of `part`.
    pub fn row(&self, spec: &DecoderSpec, part: usize, output: usize) -> usize {
        match self.parts[..] {
            [_] => output,
            [Map::Gate, Map::Up] => part * spec.mlp.inner_size + output,
            _ => self.names.row(&spec.attention, part, output),
        }
    }
}

impl TensorNames {
    /// The linear maps of a block, as they are stored.
    pub fn stored_maps(&'static self) -> Vec<StoredMap> {
        let stored = |name, parts: &[Map]| StoredMap {
            name,
            parts: parts.to_vec(),
            names: &self.attention,
        };
        const QUERY_KEY_VALUE: [Map; 3] = [Map::Query, Map::Key, Map::Value];
        let mut maps = match &self.attention {
            AttentionNames::Split(names) => {
                let names = names.iter().zip(QUERY_KEY_VALUE);
                names.map(|(name, map)| stored(name, &[map])).collect()
            }
            AttentionNames::FusedInTurn(name) | AttentionNames::FusedPerHead(name) => {
                vec![stored(name, &QUERY_KEY_VALUE)]
            }
        };
        maps.push(stored(self.attention_output, &[Map::AttentionOutput]));
        let down = match self.mlp {
            MlpNames::Gated([gate, up, down]) => {
                maps.extend([stored(gate, &[Map::Gate]), stored(up, &[Map::Up])]);
                down
            }
            MlpNames::FusedGate([both, down]) => {
                maps.push(stored(both, &[Map::Gate, Map::Up]));
                down
            }
            MlpNames::Plain([up, down]) => {
                maps.push(stored(up, &[Map::Up]));
                down
            }
        };
        maps.push(stored(down, &[Map::Down]));
        maps
    }

    /// The tables that Llama set and most later families kept.
    pub const LLAMA: TensorNames = TensorNames {
        prefix: "model.",
        embedding: "embed_tokens",
        positions: None,
        final_norm: "norm",
        head: "lm_head",
        block: "layers.{}.",
        attention_norm: "input_layernorm",
        mlp_norm: "post_attention_layernorm",
        after_norms: ["post_attention_layernorm", "post_feedforward_layernorm"],
        attention: AttentionNames::Split([
            "self_attn.q_proj",
            "self_attn.k_proj",
            "self_attn.v_proj",
        ]),
        attention_output: "self_attn.o_proj",
        head_norms: None,
        mlp: MlpNames::Gated(["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]),
        layout: LinearLayout::OutputsFirst,
        buffers: &["self_attn.rotary_emb.inv_freq"],
    };
}
