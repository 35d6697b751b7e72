//! One side of all pairs, ready for many resamples.

use layerlab_stats::{
    CumulativeHistogram, Epsilon, Estimator, Moments, SequenceStatistics, TapStatistics,
};

/// The answers of one side.
#[derive(Clone)]
pub(super) struct Side {
    pub answers: Vec<Answer>,
}

/// What is needed of one answer, once for all resamples.
#[derive(Clone)]
pub(super) struct Answer {
    statistics: SequenceStatistics,
    magnitudes: CumulativeHistogram,
}

impl Side {
    pub fn of(tap: &TapStatistics) -> Self {
        let answers = tap.sequences.iter().map(|statistics| Answer {
            statistics: statistics.clone(),
            magnitudes: statistics.histogram.cumulative(),
        });
        Self {
            answers: answers.collect(),
        }
    }
}

/// AV and AS' of answers, each counted as often as it is drawn; none where an activation was not finite or there is
/// none. The same numbers as [`TapStatistics`] gives, without adding up histograms in every resample.
pub(super) fn variance_and_sparsity(
    answers: &[(&Answer, u32)],
    estimator: Estimator,
    epsilon: Epsilon,
) -> Option<(f64, f64)> {
    let is_finite = |answer: &Answer| answer.statistics.nan == 0 && answer.statistics.inf == 0;
    if answers.is_empty() || !answers.iter().all(|(answer, _)| is_finite(answer)) {
        return None;
    }
    let moments = answers
        .iter()
        .fold(Moments::default(), |sum, (answer, times)| {
            sum.merge(&answer.statistics.moments.repeat(*times))
        });
    let variance = match estimator {
        Estimator::Element => moments.variance(),
        Estimator::Pooled => {
            let drawn: f64 = answers.iter().map(|(_, times)| f64::from(*times)).sum();
            let pooled = answers
                .iter()
                .map(|(answer, times)| answer.statistics.pooled_variance * f64::from(*times));
            pooled.sum::<f64>() / drawn
        }
        Estimator::Channel => {
            let sequences = answers.iter().map(|(answer, _)| answer.statistics.clone());
            let weights: Vec<u32> = answers.iter().map(|(_, times)| *times).collect();
            let tap = TapStatistics {
                sequences: sequences.collect(),
            };
            tap.variance(estimator, &weights)
        }
    };
    let threshold = match epsilon {
        Epsilon::Absolute(threshold) => threshold,
        Epsilon::Relative(share) => share * moments.rms(),
    };
    let below = answers
        .iter()
        .map(|(answer, times)| answer.magnitudes.count_below(threshold) * f64::from(*times));
    let elements = (moments.count as f64).max(1.0);
    let share = below.sum::<f64>() / elements;
    Some((variance, share.max(1.0 / elements)))
}
