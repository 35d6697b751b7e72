//! Two models on the same items.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Confidence, Metric, MetricResult, Sample};

/// How a changed model stands to the original on the same items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Of what.
    pub metric: Metric,
    /// Changed less original.
    pub difference: Option<f64>,
    /// Lower end of the difference's interval, by a paired bootstrap over items.
    pub difference_low: Option<f64>,
    /// Upper end.
    pub difference_high: Option<f64>,
    /// What was retained: changed over original, or original over changed where less is better. None where
    /// the divisor is 0.
    pub retained: Option<f64>,
    /// Lower end of its interval.
    pub retained_low: Option<f64>,
    /// Upper end.
    pub retained_high: Option<f64>,
    /// Two-sided p-value of McNemar's exact test that both are right equally often; none where items are
    /// not right or wrong.
    pub mcnemar: Option<f64>,
}

impl Comparison {
    /// Compares the same metric of two models on the same items; none where metric or items differ.
    pub fn of(
        original: &MetricResult,
        changed: &MetricResult,
        confidence: &Confidence,
    ) -> Option<Self> {
        let (a, b) = (&original.sample, &changed.sample);
        if original.metric != changed.metric || a.len() != b.len() {
            return None;
        }
        let metric = original.metric;
        let difference = |draw: &[u32]| Some(b.value(draw)? - a.value(draw)?);
        let retained = |draw: &[u32]| {
            let (original, changed) = (a.value(draw)?, b.value(draw)?);
            let ratio = match metric.higher_is_better() {
                true => changed / original,
                false => original / changed,
            };
            Some(ratio).filter(|ratio| ratio.is_finite())
        };
        let resamples = confidence.resamples(a.len());
        let of_difference = resamples.interval(confidence.level, difference);
        let of_retained = resamples.interval(confidence.level, retained);
        Some(Self {
            metric,
            difference: difference(resamples.data()),
            difference_low: of_difference.map(|(low, _)| low),
            difference_high: of_difference.map(|(_, high)| high),
            retained: retained(resamples.data()),
            retained_low: of_retained.map(|(low, _)| low),
            retained_high: of_retained.map(|(_, high)| high),
            mcnemar: mcnemar(metric, a, b),
        })
    }

    /// Whether the interval of the difference leaves out 0.
    pub fn is_significant(&self) -> bool {
        let ends = self.difference_low.zip(self.difference_high);
        ends.is_some_and(|(low, high)| low > 0.0 || high < 0.0)
    }
}

/// McNemar's exact test: among items that only one of two gets right, either should be the one as often.
fn mcnemar(metric: Metric, a: &Sample, b: &Sample) -> Option<f64> {
    let (Sample::Mean { values: a }, Sample::Mean { values: b }) = (a, b) else {
        return None;
    };
    if !metric.is_proportion() {
        return None;
    }
    let only = |a: &[f64], b: &[f64]| a.iter().zip(b).filter(|(a, b)| a > b).count();
    let (lost, won) = (only(a, b), only(b, a));
    Some(two_sided_sign_test(lost.min(won), lost + won))
}

/// Probability of a split of `count` fair coins at least as uneven as `fewer` to the rest.
fn two_sided_sign_test(fewer: usize, count: usize) -> f64 {
    // log of the binomial coefficient, term by term, so that large counts do not overflow.
    let mut log_coefficient = 0.0;
    let mut tail = 0.0;
    for k in 0..=fewer {
        if k > 0 {
            log_coefficient += ((count + 1 - k) as f64 / k as f64).ln();
        }
        tail += (log_coefficient - count as f64 * std::f64::consts::LN_2).exp();
    }
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(right: &[u8]) -> MetricResult {
        let sample = Sample::of_outcomes(right.iter().map(|right| *right == 1));
        MetricResult::of(Metric::Accuracy, sample, &Confidence::default())
    }

    #[test]
    fn the_sign_test_counts_coins() {
        assert!((two_sided_sign_test(0, 5) - 2.0 / 32.0).abs() < 1e-12);
        assert!((two_sided_sign_test(1, 8) - 2.0 * 9.0 / 256.0).abs() < 1e-12);
        assert_eq!(two_sided_sign_test(0, 0), 1.0);
        assert_eq!(two_sided_sign_test(3, 6), 1.0);
        assert!(two_sided_sign_test(0, 5000) < 1e-300);
    }

    #[test]
    fn a_model_compared_with_itself_retains_all() {
        let model = outcomes(&[1, 0, 1, 1, 0, 1]);
        let found = Comparison::of(&model, &model, &Confidence::default()).unwrap();
        assert_eq!((found.difference, found.retained), (Some(0.0), Some(1.0)));
        assert_eq!(found.mcnemar, Some(1.0));
        assert!(!found.is_significant());
    }

    #[test]
    fn items_are_compared_in_pairs() {
        // Every item that the original gets right, the changed model gets right, and five more.
        let original = outcomes(&[1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
        let changed = outcomes(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
        let found = Comparison::of(&original, &changed, &Confidence::default()).unwrap();
        assert_eq!((found.difference, found.retained), (Some(0.5), Some(2.0)));
        assert!(found.is_significant());
        assert!((found.mcnemar.unwrap() - 2.0 / 32.0).abs() < 1e-12);
    }

    #[test]
    fn perplexity_retained_is_original_over_changed() {
        let of = |losses: [f64; 2]| {
            let sample = Sample::Perplexity {
                losses: losses.to_vec(),
                tokens: vec![1.0, 1.0],
            };
            MetricResult::of(Metric::Perplexity, sample, &Confidence::default())
        };
        let found = Comparison::of(&of([1.0, 1.0]), &of([2.0, 2.0]), &Confidence::default());
        let retained = found.unwrap().retained.unwrap();
        assert!((retained - (-1.0f64).exp()).abs() < 1e-12);
    }

    #[test]
    fn different_items_are_not_compared() {
        let (a, b) = (outcomes(&[1, 0]), outcomes(&[1]));
        assert!(Comparison::of(&a, &b, &Confidence::default()).is_none());
    }
}
