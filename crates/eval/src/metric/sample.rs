//! What each item contributes to a metric.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calibration;

/// What each item contributes to a metric. The metric is a function of how often each is drawn, so that a
/// bootstrap needs no code of its own per metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Sample {
    /// Numbers to average: 1 and 0 for right and wrong, or a share.
    Mean {
        /// One for each item.
        values: Vec<f64>,
    },
    /// Cross-entropy to average over tokens and raise e to.
    Perplexity {
        /// Summed cross-entropy of each window, in nats.
        losses: Vec<f64>,
        /// Predicted tokens of each window.
        tokens: Vec<f64>,
    },
    /// Confidence to compare with accuracy.
    Calibration {
        /// Probability of the likeliest choice of each item.
        confidences: Vec<f64>,
        /// Whether it is right.
        right: Vec<bool>,
    },
}

impl Sample {
    /// Right or wrong, item by item.
    pub fn of_outcomes(right: impl IntoIterator<Item = bool>) -> Self {
        let values = right.into_iter().map(|right| f64::from(u8::from(right)));
        Self::Mean {
            values: values.collect(),
        }
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        match self {
            Self::Mean { values } => values.len(),
            Self::Perplexity { losses, .. } => losses.len(),
            Self::Calibration { right, .. } => right.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The metric with each item counted as often as `draw` says; none where it is not finite.
    pub fn value(&self, draw: &[u32]) -> Option<f64> {
        let weighted = |values: &[f64]| -> f64 {
            let terms = values.iter().zip(draw);
            terms.map(|(value, &times)| f64::from(times) * value).sum()
        };
        let value = match self {
            Self::Mean { values } => {
                weighted(values) / draw.iter().map(|&times| f64::from(times)).sum::<f64>()
            }
            Self::Perplexity { losses, tokens } => (weighted(losses) / weighted(tokens)).exp(),
            Self::Calibration { confidences, right } => {
                calibration::expected_error(confidences, right, draw)
            }
        };
        Some(value).filter(|value| value.is_finite())
    }
}
