//! Estimates over sequences that are drawn so many times each: the one arithmetic behind every variance
//! and sparsity, of the data as they are and of every resample.

use crate::{Epsilon, Estimator, HistogramPlace, Moments, SequenceStatistics, SummedSequence};

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
    /// histogram bins that were interpolated elsewhere.
    pub uncertainty: f64,
}

/// Sequences, each with how often it is drawn.
pub(crate) trait Drawn<'a>: Iterator<Item = (&'a SequenceStatistics, u32)> + Clone {}

impl<'a, I: Iterator<Item = (&'a SequenceStatistics, u32)> + Clone> Drawn<'a> for I {}

/// Those of `units` that are drawn at all, and how often.
pub(crate) fn drawn<T>(
    units: impl Iterator<Item = T> + Clone,
    weights: &[u32],
) -> impl Iterator<Item = (T, u32)> + Clone {
    let drawn = units.zip(weights.iter().copied());
    drawn.filter(|(_, weight)| *weight > 0)
}

/// Moments over all finite elements.
pub(crate) fn moments<'a>(drawn: impl Drawn<'a>) -> Moments {
    drawn.fold(Moments::default(), |sum, (sequence, weight)| {
        sum.merge(&sequence.moments.repeat(weight))
    })
}

/// The activation variance AV; 0 where nothing is drawn.
pub(crate) fn variance<'a>(drawn: impl Drawn<'a>, estimator: Estimator) -> f64 {
    match estimator {
        Estimator::Pooled => {
            let (mut sum, mut count) = (0.0, 0.0);
            for (sequence, weight) in drawn {
                sum += sequence.pooled_variance * f64::from(weight);
                count += f64::from(weight);
            }
            if count > 0.0 { sum / count } else { 0.0 }
        }
        Estimator::Element => moments(drawn).variance(),
        Estimator::Channel => channel_variance(drawn),
    }
}

/// Within sequences as measured; between sequences from their pooled means.
fn channel_variance<'a>(drawn: impl Drawn<'a>) -> f64 {
    let (mut within, mut tokens) = (0.0, 0.0);
    let mut total: Vec<f64> = Vec::new();
    for (sequence, weight) in drawn.clone() {
        let weight = f64::from(weight);
        let read = weight * f64::from(sequence.tokens);
        within += weight * sequence.channel_m2;
        tokens += read;
        total.resize(sequence.channel_mean.len(), 0.0);
        for (sum, mean) in total.iter_mut().zip(&sequence.channel_mean) {
            *sum += read * mean;
        }
    }
    if tokens == 0.0 || total.is_empty() {
        return 0.0;
    }
    let mut between = 0.0;
    for (sequence, weight) in drawn {
        let squares: f64 = total
            .iter()
            .zip(&sequence.channel_mean)
            .map(|(sum, mean)| (mean - sum / tokens).powi(2))
            .sum();
        between += f64::from(weight) * f64::from(sequence.tokens) * squares;
    }
    (within + between) / tokens / total.len() as f64
}

/// The activation sparsity AS below `epsilon`: by the exact count of each sequence that has one of this
/// very threshold, and from the histograms of all others.
pub(crate) fn sparsity<'a, 's: 'a>(
    drawn: impl Iterator<Item = (&'a SummedSequence<'s>, u32)> + Clone,
    epsilon: Epsilon,
) -> Sparsity {
    let statistics = drawn
        .clone()
        .map(|(sequence, weight)| (sequence.statistics, weight));
    let threshold = match epsilon {
        Epsilon::Absolute(threshold) => threshold,
        Epsilon::Relative(share) => share * moments(statistics.clone()).rms(),
    };
    let elements: u64 = statistics
        .map(|(sequence, weight)| sequence.moments.count * u64::from(weight))
        .sum();
    let place = HistogramPlace::of(threshold);
    let (mut below, mut inside) = (0, 0);
    for (sequence, weight) in drawn {
        let weight = u64::from(weight);
        let exact = sequence.statistics.below_epsilon;
        match exact.filter(|exact| exact.epsilon == threshold) {
            Some(exact) => below += exact.count * weight,
            None => {
                let [before, within] = sequence.magnitudes.around(place);
                below += before * weight;
                inside += within * weight;
            }
        }
    }
    let total = (elements as f64).max(1.0);
    let share = (below as f64 + inside as f64 * place.share) / total;
    let floor = 1.0 / total;
    Sparsity {
        share,
        floored: share.max(floor),
        saturated: share < floor,
        uncertainty: if place.is_edge {
            0.0
        } else {
            inside as f64 / total
        },
    }
}
