//! Sequences with their histograms summed up, so that a threshold costs one look at each.

use crate::{
    Epsilon, Estimator, Sparsity, SummedSequence,
    drawn::{self, drawn},
};

/// Statistics of sequences at one tap, ready for many questions. Answers as
/// [`TapStatistics`](crate::TapStatistics) does; queries take how often each sequence is drawn.
#[derive(Debug, Clone)]
pub struct SummedTap<'a> {
    sequences: Vec<SummedSequence<'a>>,
    is_finite: bool,
}

impl<'a> FromIterator<SummedSequence<'a>> for SummedTap<'a> {
    fn from_iter<I: IntoIterator<Item = SummedSequence<'a>>>(sequences: I) -> Self {
        let sequences: Vec<SummedSequence<'a>> = sequences.into_iter().collect();
        let is_finite = sequences
            .iter()
            .all(|sequence| sequence.statistics.nan == 0 && sequence.statistics.inf == 0);
        Self {
            sequences,
            is_finite,
        }
    }
}

impl<'a> SummedTap<'a> {
    /// The sequences.
    pub fn sequences(&self) -> &[SummedSequence<'a>] {
        &self.sequences
    }

    /// The activation variance AV. See [`Estimator`] for the definitions.
    pub fn variance(&self, estimator: Estimator, weights: &[u32]) -> f64 {
        let sequences = self.sequences.iter().map(|sequence| sequence.statistics);
        drawn::variance(drawn(sequences, weights), estimator)
    }

    /// The activation sparsity AS at `epsilon`.
    pub fn sparsity(&self, epsilon: Epsilon, weights: &[u32]) -> Sparsity {
        drawn::sparsity(drawn(self.sequences.iter(), weights), epsilon)
    }

    /// AV and AS' = max(AS, 1/N), the two parts of AVSS; none where an element was not finite, since no
    /// score of the layer means anything then, or where nothing is drawn.
    pub fn variance_and_sparsity(
        &self,
        estimator: Estimator,
        epsilon: Epsilon,
        weights: &[u32],
    ) -> Option<(f64, f64)> {
        let is_drawn = drawn(self.sequences.iter(), weights).next().is_some();
        (self.is_finite && is_drawn).then(|| {
            let variance = self.variance(estimator, weights);
            (variance, self.sparsity(epsilon, weights).floored)
        })
    }

    /// Whether every element was finite.
    pub fn is_finite(&self) -> bool {
        self.is_finite
    }
}
