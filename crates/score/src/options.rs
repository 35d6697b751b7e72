//! What to score by.

use layerlab_stats::{Epsilon, Estimator, MOST_RESAMPLES, Tap};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ScoreError;

/// Which variance, which threshold, which tap, and how much confidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScoreOptions {
    /// Estimator of the activation variance in AVSS.
    pub estimator: Estimator,
    /// Sparsity threshold in AVSS.
    pub epsilon: Epsilon,
    /// Where AVSS reads the block.
    pub tap: Tap,
    /// Threshold of relative AVSS, as a share of each tap's RMS.
    pub relative_epsilon: f64,
    /// Bootstrap resamples of the sequences; 0 gives no intervals.
    pub resamples: usize,
    /// Confidence level of intervals, in (0, 1).
    pub confidence: f64,
    /// How many layers count as the lowest; a quarter of them, rounded to the nearest but at
    /// least one, if none.
    pub lowest: Option<usize>,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Seeds of the random baseline, one column each.
    pub random_seeds: Vec<u64>,
}

impl Default for ScoreOptions {
    fn default() -> Self {
        Self {
            estimator: Estimator::Pooled,
            epsilon: Epsilon::Relative(0.05),
            tap: Tap::Output,
            relative_epsilon: 0.05,
            resamples: 1000,
            confidence: 0.95,
            lowest: None,
            seed: 0,
            random_seeds: vec![1, 2, 3],
        }
    }
}

impl ScoreOptions {
    /// What the AVSS authors' code does: pooled variance, an absolute threshold of 1e-5, block
    /// outputs (arXiv 2411.02117).
    pub fn authors() -> Self {
        Self {
            estimator: Estimator::Pooled,
            epsilon: Epsilon::Absolute(1e-5),
            tap: Tap::Output,
            ..Self::default()
        }
    }

    /// How many of `layers` count as the lowest. One always remains.
    pub fn lowest_of(&self, layers: usize) -> usize {
        let quarter = (layers as f64 * 0.25).round() as usize;
        let lowest = self.lowest.unwrap_or_else(|| quarter.max(1));
        lowest.min(layers.saturating_sub(1))
    }

    pub(crate) fn validate(&self, layers: usize) -> Result<(), ScoreError> {
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            return Err(ScoreError::Confidence(self.confidence));
        }
        if self.resamples > MOST_RESAMPLES {
            return Err(ScoreError::Resamples(self.resamples));
        }
        match self.lowest {
            Some(lowest) if lowest == 0 || lowest >= layers => {
                Err(ScoreError::Lowest { lowest, layers })
            }
            _ => Ok(()),
        }
    }
}
