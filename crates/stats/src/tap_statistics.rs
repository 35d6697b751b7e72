//! All sequences at one tap of one layer.

use serde::{Deserialize, Serialize};

use crate::{
    Epsilon, Estimator, Histogram, Moments, SequenceStatistics, Sparsity, SummedSequence,
    SummedTap,
    drawn::{self, Drawn},
};

/// Statistics of all sequences at one tap of one layer. Queries take how often each sequence is
/// drawn, which is how a bootstrap asks; all ones give the data as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TapStatistics {
    /// One for each sequence.
    pub sequences: Vec<SequenceStatistics>,
}

impl TapStatistics {
    /// Appends the sequences of another shard.
    pub fn merge(&mut self, other: Self) {
        self.sequences.extend(other.sequences);
    }

    /// The activation variance AV. See [`Estimator`] for the definitions.
    pub fn variance(&self, estimator: Estimator, weights: &[u32]) -> f64 {
        drawn::variance(self.drawn(weights), estimator)
    }

    /// The activation sparsity AS at `epsilon`, counted exactly where the pass counted below this very
    /// threshold and read from the histogram elsewhere. Who asks many times asks [`summed`](Self::summed).
    pub fn sparsity(&self, epsilon: Epsilon, weights: &[u32]) -> Sparsity {
        self.summed().sparsity(epsilon, weights)
    }

    /// The same statistics, ready for many questions.
    pub fn summed(&self) -> SummedTap<'_> {
        self.sequences.iter().map(SummedSequence::of).collect()
    }

    /// Moments over all finite elements.
    pub fn moments(&self, weights: &[u32]) -> Moments {
        drawn::moments(self.drawn(weights))
    }

    /// Magnitudes of all finite elements.
    pub fn histogram(&self) -> Histogram {
        let mut histogram = Histogram::default();
        for sequence in &self.sequences {
            histogram.add(&sequence.histogram, 1);
        }
        histogram
    }

    /// Largest finite magnitude.
    pub fn max_abs(&self) -> f64 {
        self.sequences
            .iter()
            .map(|sequence| sequence.max_abs)
            .fold(0.0, f64::max)
    }

    /// Real tokens.
    pub fn tokens(&self) -> u64 {
        self.sequences
            .iter()
            .map(|sequence| u64::from(sequence.tokens))
            .sum()
    }

    /// Elements that are not a number.
    pub fn nan(&self) -> u64 {
        self.sequences.iter().map(|sequence| sequence.nan).sum()
    }

    /// Infinite elements.
    pub fn inf(&self) -> u64 {
        self.sequences.iter().map(|sequence| sequence.inf).sum()
    }

    /// Whether every element was finite: without that, no score of the layer means anything.
    pub fn is_finite(&self) -> bool {
        self.nan() == 0 && self.inf() == 0
    }

    fn drawn<'a>(&'a self, weights: &'a [u32]) -> impl Drawn<'a> {
        drawn::drawn(self.sequences.iter(), weights)
    }
}
