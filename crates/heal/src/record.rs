//! What became of gaps.

use layerlab_model::Decoder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A healed model.
#[derive(Debug)]
pub struct Healed {
    /// The model without the layers, healed.
    pub decoder: Decoder,
    /// Gap by gap, from the first to the last.
    pub gaps: Vec<GapRecord>,
}

/// What became of one gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GapRecord {
    /// The layer before the gap, as the whole model counts: it was changed.
    pub layer: usize,
    /// The layers removed behind it.
    pub removed: Vec<usize>,
    /// Tokens that were learned from.
    pub tokens: usize,
    /// Inner channels of the layer, where a map of so many inputs was fitted: as many tokens are wanted at least, and with fewer the ridge
    /// alone decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<usize>,
    /// Loss over the sequences that choose, in nats per token, before this gap was healed: earlier ones are, later ones are not.
    pub loss_before: f64,
    /// The same afterwards.
    pub loss_after: f64,
    /// Of *scale*: what the residual stream is multiplied by; none where that did not lower the loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// Of *refit*: the weight of the ridge; none where no refit lowered the loss, and the layer is as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda: Option<f64>,
    /// Of *refit*: what the chosen one left of the squared error over the tokens learned from; 1 is what it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<f64>,
    /// Of *refit*: what was tried, in the order of λ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Tried>,
}

impl GapRecord {
    /// Whether fewer tokens were learned from than the map has inputs.
    pub fn has_few_tokens(&self) -> bool {
        self.inputs.is_some_and(|inputs| self.tokens < inputs)
    }
}

/// A weight of the ridge that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tried {
    /// The weight.
    pub lambda: f64,
    /// Loss over the sequences that choose, in nats per token.
    pub loss: f64,
}
