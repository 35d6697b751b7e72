//! Losses of a model as it is and without each layer.

/// Summed cross-entropy of next tokens in nats, sequence by sequence.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerLosses {
    /// Predicted tokens of each sequence.
    pub tokens: Vec<usize>,
    /// Of the whole model, one for each sequence.
    pub whole: Vec<f64>,
    /// Without each layer, first layer first; one for each sequence.
    pub without: Vec<Vec<f64>>,
}
