//! Losses of a model as it is and without each layer.

use layerlab_stats::Resamples;
use serde::{Deserialize, Serialize};

use crate::Estimate;

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
    /// Mean cross-entropy per token in nats of sequences by their sums, each counted as often as it is drawn; none where
    /// nothing is predicted.
    pub fn mean(&self, sums: &[f64], weights: &[u32]) -> Option<f64> {
        let (mut loss, mut tokens) = (0.0, 0.0);
        for ((sum, count), &weight) in sums.iter().zip(&self.tokens).zip(weights) {
            loss += f64::from(weight) * sum;
            tokens += f64::from(weight) * *count as f64;
        }
        (tokens > 0.0).then(|| loss / tokens)
    }

    /// The same of the whole model, each sequence once.
    pub fn whole_mean(&self) -> Option<f64> {
        self.mean(&self.whole, &vec![1; self.tokens.len()])
    }

    /// By how much the mean loss per token changes in nats without each layer, first layer first, with percentile intervals of a
    /// bootstrap over sequences; the same draws for every layer.
    pub fn changes(&self, resamples: &Resamples, confidence: f64) -> Vec<Estimate> {
        let change = |sums: &[f64], weights: &[u32]| {
            let change = self.mean(sums, weights)? - self.mean(&self.whole, weights)?;
            Some(change).filter(|change| change.is_finite())
        };
        let layers = self.without.iter().map(|sums| {
            let interval = resamples.interval(confidence, |weights| change(sums, weights));
            Estimate {
                value: change(sums, resamples.data()),
                low: interval.map(|(low, _)| low),
                high: interval.map(|(_, high)| high),
            }
        });
        layers.collect()
    }

    /// Appends other sequences of the same model.
    pub fn append(&mut self, more: Self) {
        self.tokens.extend(more.tokens);
        self.whole.extend(more.whole);
        for (losses, more) in self.without.iter_mut().zip(more.without) {
            losses.extend(more);
        }
    }
}
