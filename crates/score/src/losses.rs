//! Losses of a model as it is and without each layer.

use serde::{Deserialize, Serialize};

/// Summed cross-entropy of next tokens in nats, sequence by sequence.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerLosses {
    /// Predicted tokens of each sequence.
    pub tokens: Vec<usize>,
    /// Of the whole model, one for each sequence.
    pub whole: Vec<f64>,
    /// Without each layer, first layer first; one for each sequence.
    pub without: Vec<Vec<f64>>,
}

impl LayerLosses {
    /// Appends other sequences of the same model.
    pub fn append(&mut self, more: Self) {
        self.tokens.extend(more.tokens);
        self.whole.extend(more.whole);
        for (losses, more) in self.without.iter_mut().zip(more.without) {
            losses.extend(more);
        }
    }
}
