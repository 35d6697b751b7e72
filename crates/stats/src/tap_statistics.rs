//! All sequences at one tap of one layer.

use serde::{Deserialize, Serialize};

use crate::{
    CumulativeHistogram, Epsilon, Estimator, Histogram, HistogramPlace, Moments, SequenceStatistics,
};

/// The share of elements near zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sparsity {
    /// AS: the share of elements with |a| < ε.
    pub share: f64,
    /// AS' = max(AS, 1/N): what scores divide by.
    pub floored: f64,
    /// Whether no element was below ε, so that AS' is the floor.
    pub saturated: bool,
    /// What `share` may be off by: 0 where elements were counted exactly, the share of the
    /// histogram bin that was interpolated elsewhere.
    pub uncertainty: f64,
}

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
        match estimator {
            Estimator::Pooled => {
                let (mut sum, mut count) = (0.0, 0.0);
                for (sequence, weight) in self.drawn(weights) {
                    sum += sequence.pooled_variance * f64::from(weight);
                    count += f64::from(weight);
                }
                if count > 0.0 { sum / count } else { 0.0 }
            }
            Estimator::Element => self.moments(weights).variance(),
            Estimator::Channel => self.channel_variance(weights),
        }
    }

    /// The activation sparsity AS at `epsilon`. An absolute threshold that was asked for during the
    /// pass is counted exactly, any other is read from the histogram. Who asks many times asks
    /// [`summed`](Self::summed).
    pub fn sparsity(&self, epsilon: Epsilon, weights: &[u32]) -> Sparsity {
        self.summed().sparsity(epsilon, weights)
    }

    /// The same statistics, ready for many questions.
    pub fn summed(&self) -> SummedTap<'_> {
        let sequences = self.sequences.iter();
        SummedTap {
            statistics: self,
            magnitudes: sequences
                .map(|sequence| sequence.histogram.cumulative())
                .collect(),
        }
    }

    /// Moments over all finite elements.
    pub fn moments(&self, weights: &[u32]) -> Moments {
        self.drawn(weights)
            .fold(Moments::default(), |sum, (sequence, weight)| {
                sum.merge(&sequence.moments.repeat(weight))
            })
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

    fn drawn(&self, weights: &[u32]) -> impl Iterator<Item = (&SequenceStatistics, u32)> {
        let drawn = self.sequences.iter().zip(weights.iter().copied());
        drawn.filter(|(_, weight)| *weight > 0)
    }

    /// Within sequences as measured; between sequences from their pooled means.
    fn channel_variance(&self, weights: &[u32]) -> f64 {
        let channels = self
            .sequences
            .first()
            .map_or(0, |sequence| sequence.channel_mean.len());
        let (mut within, mut tokens) = (0.0, 0.0);
        let mut total = vec![0.0; channels];
        for (sequence, weight) in self.drawn(weights) {
            let weight = f64::from(weight);
            let drawn = weight * f64::from(sequence.tokens);
            within += weight * sequence.channel_m2;
            tokens += drawn;
            for (sum, mean) in total.iter_mut().zip(&sequence.channel_mean) {
                *sum += drawn * mean;
            }
        }
        if tokens == 0.0 || channels == 0 {
            return 0.0;
        }
        let mut between = 0.0;
        for (sequence, weight) in self.drawn(weights) {
            let squares: f64 = total
                .iter()
                .zip(&sequence.channel_mean)
                .map(|(sum, mean)| (mean - sum / tokens).powi(2))
                .sum();
            between += f64::from(weight) * f64::from(sequence.tokens) * squares;
        }
        (within + between) / tokens / channels as f64
    }
}

/// Statistics at a tap with their histograms summed up, so that a threshold costs one look at each
/// sequence. Answers as [`TapStatistics`] does.
#[derive(Debug, Clone)]
pub struct SummedTap<'a> {
    statistics: &'a TapStatistics,
    /// One for each sequence.
    magnitudes: Vec<CumulativeHistogram>,
}

impl SummedTap<'_> {
    /// The activation sparsity AS at `epsilon`.
    pub fn sparsity(&self, epsilon: Epsilon, weights: &[u32]) -> Sparsity {
        let mut elements = 0;
        let mut exact = Some(0);
        for (sequence, weight) in self.statistics.drawn(weights) {
            elements += sequence.moments.count * u64::from(weight);
            let below = sequence
                .below_epsilon
                .map(|below| below * u64::from(weight));
            exact = exact.zip(below).map(|(sum, below)| sum + below);
        }
        let (below, uncertain) = match (epsilon, exact) {
            (Epsilon::Absolute(_), Some(below)) => (below as f64, 0),
            (Epsilon::Absolute(threshold), None) => self.below(threshold, weights),
            (Epsilon::Relative(share), _) => {
                self.below(share * self.statistics.moments(weights).rms(), weights)
            }
        };
        let total = (elements as f64).max(1.0);
        let share = below / total;
        let floor = 1.0 / total;
        Sparsity {
            share,
            floored: share.max(floor),
            saturated: share < floor,
            uncertainty: uncertain as f64 / total,
        }
    }

    /// The activation variance AV.
    pub fn variance(&self, estimator: Estimator, weights: &[u32]) -> f64 {
        self.statistics.variance(estimator, weights)
    }

    /// Whether every element was finite.
    pub fn is_finite(&self) -> bool {
        self.statistics.is_finite()
    }

    /// How many magnitudes lie below `threshold`, and by how many that may be off.
    fn below(&self, threshold: f64, weights: &[u32]) -> (f64, u64) {
        let place = HistogramPlace::of(threshold);
        let (mut before, mut inside) = (0, 0);
        for (magnitudes, &weight) in self.magnitudes.iter().zip(weights) {
            let [below, within] = magnitudes.around(place);
            before += below * u64::from(weight);
            inside += within * u64::from(weight);
        }
        let uncertain = if place.is_edge { 0 } else { inside };
        (before as f64 + inside as f64 * place.share, uncertain)
    }
}
