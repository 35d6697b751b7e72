//! The linear maps of a block.

use serde::{Deserialize, Serialize};

use crate::DecoderSpec;

/// A linear map of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Map {
    /// Of queries.
    Query,
    /// Of keys.
    Key,
    /// Of values.
    Value,
    /// From the heads back to the residual stream.
    AttentionOutput,
    /// What decides how much of `Up` passes, where the MLP is gated.
    Gate,
    /// Into the MLP's inner channels.
    Up,
    /// Back to the residual stream.
    Down,
}

impl Map {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Query,
        Self::Key,
        Self::Value,
        Self::AttentionOutput,
        Self::Gate,
        Self::Up,
        Self::Down,
    ];

    /// Its name in files of ours.
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Key => "key",
            Self::Value => "value",
            Self::AttentionOutput => "attention_output",
            Self::Gate => "gate",
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// Inputs and outputs; none where the family has no such map.
    pub fn shape(self, spec: &DecoderSpec) -> Option<[usize; 2]> {
        let (hidden, inner) = (spec.hidden_size, spec.mlp.inner_size);
        let queries = spec.attention.heads * spec.attention.head_dim;
        let keys = spec.attention.kv_heads * spec.attention.head_dim;
        match self {
            Self::Query => Some([hidden, queries]),
            Self::Key | Self::Value => Some([hidden, keys]),
            Self::AttentionOutput => Some([queries, hidden]),
            Self::Gate => spec.mlp.gated.then_some([hidden, inner]),
            Self::Up => Some([hidden, inner]),
            Self::Down => Some([inner, hidden]),
        }
    }
}
