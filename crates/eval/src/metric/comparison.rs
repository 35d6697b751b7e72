//! Two models on the same items.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use layerlab_stats::FEW_UNITS;

use super::{Confidence, Metric, MetricResult, Significance};

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
    /// Items, windows or blocks of text that both were asked.
    #[serde(default)]
    pub units: usize,
    /// Whether both intervals are of fewer than 10 of them, and so too narrow.
    #[serde(default)]
    pub rough: bool,
    /// Whether the difference is more than chance; none where a value is not finite. The intervals do not say: they are
    /// of one comparison alone, and another method than the test.
    #[serde(default)]
    pub significance: Option<Significance>,
}

impl Comparison {
    /// Compares the same metric of two models on the same items; none where metric or items differ. Who makes several
    /// comparisons for one table [corrects](super::correct) them.
    pub fn of(
        original: &MetricResult,
        changed: &MetricResult,
        confidence: &Confidence,
    ) -> Option<Self> {
        let metric = original.metric;
        if metric != changed.metric {
            return None;
        }
        let [a, b] = original.sample.in_common(&changed.sample)?;
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
            units: a.len(),
            rough: a.len() < FEW_UNITS,
            significance: Significance::of(metric, &a, &b, confidence),
        })
    }

    /// Whether the difference is more than chance, by its test and corrected for all comparisons of its table.
    pub fn is_significant(&self) -> bool {
        self.significance.is_some_and(|found| found.significant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use super::super::{PairedTest, Sample, correct};

    fn outcomes(right: &[u8]) -> MetricResult {
        let sample = Sample::of_outcomes(right.iter().map(|right| Some(*right == 1)));
        MetricResult::of(Metric::Accuracy, sample, &Confidence::default())
    }

    #[test]
    fn a_model_compared_with_itself_retains_all() {
        let model = outcomes(&[1, 0, 1, 1, 0, 1]);
        let found = Comparison::of(&model, &model, &Confidence::default()).unwrap();
        assert_eq!((found.difference, found.retained), (Some(0.0), Some(1.0)));
        assert_eq!(found.significance.map(|found| found.p), Some(1.0));
        assert!(!found.is_significant());
    }

    #[test]
    fn items_are_compared_in_pairs() {
        // Every item that the original gets right, the changed model gets right, and five more.
        let original = outcomes(&[1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
        let changed = outcomes(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
        let found = Comparison::of(&original, &changed, &Confidence::default()).unwrap();
        assert_eq!((found.difference, found.retained), (Some(0.5), Some(2.0)));
        // The interval leaves out 0; the test does not call that more than chance, and neither does anything else.
        assert!(found.difference_low > Some(0.0) && !found.is_significant());
        let significance = found.significance.unwrap();
        assert_eq!(significance.test, PairedTest::McNemar);
        assert!((significance.p - 2.0 / 32.0).abs() < 1e-12);
    }

    /// The questions of a trial: 12, of which the changed model gets 4 more right and none wrong.
    #[test]
    fn no_star_contradicts_its_test() {
        let original = outcomes(&[1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let changed = outcomes(&[1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
        let found = Comparison::of(&original, &changed, &Confidence::default()).unwrap();
        assert_eq!(found.retained, Some(3.0));
        assert!(found.retained_low > Some(1.0));
        assert_eq!(found.significance.map(|found| found.p), Some(0.125));
        assert!(!found.is_significant());
        let changed = outcomes(&[1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]);
        let found = Comparison::of(&original, &changed, &Confidence::default()).unwrap();
        assert!((found.significance.unwrap().p - 2.0 / 64.0).abs() < 1e-12);
        assert!(found.is_significant());
    }

    #[test]
    fn few_items_are_never_significant() {
        for (units, expected) in [(9, false), (10, true)] {
            let (original, changed) = (vec![0; units], vec![1; units]);
            let found = Comparison::of(
                &outcomes(&original),
                &outcomes(&changed),
                &Confidence::default(),
            );
            let found = found.unwrap();
            assert!(found.significance.unwrap().p < 0.004);
            assert_eq!(found.is_significant(), expected);
            assert_eq!(found.rough, !expected);
        }
    }

    /// Holm's own procedure, by hand: 0.01, 0.02, 0.03 and 0.04 become 0.04, 0.06, 0.06 and 0.06.
    #[test]
    fn many_comparisons_are_corrected_together() {
        let at = |p: f64| {
            let mut found = Comparison::of(
                &outcomes(&[0; 20]),
                &outcomes(&[1; 20]),
                &Confidence::default(),
            )
            .unwrap();
            found.significance.as_mut().unwrap().p = p;
            found
        };
        let mut all = [0.03, 0.01, 0.04, 0.02].map(at);
        let mut untested = at(0.5);
        untested.significance = None;
        let mut table: Vec<&mut Comparison> = all.iter_mut().chain([&mut untested]).collect();
        correct(&mut table);
        assert!(untested.significance.is_none());
        let found = all.map(|one| one.significance.unwrap());
        for (found, expected) in found.iter().zip([0.06, 0.04, 0.06, 0.06]) {
            assert!((found.p_adjusted - expected).abs() < 1e-12, "{found:?}");
            assert_eq!(found.significant, expected < 0.05);
            assert_eq!(found.comparisons, 4);
        }
        // None counts for more than certain chance.
        let mut all = [0.9, 0.8].map(at);
        correct(&mut all.iter_mut().collect::<Vec<_>>());
        let found = all.map(|one| one.significance.unwrap().p_adjusted);
        assert_eq!(found, [1.0, 1.0]);
    }

    #[test]
    fn models_that_read_unequally_far_are_compared_on_what_both_read() {
        let of = |bits: &[f64]| {
            let sample = Sample::BitsPerByte {
                bits: bits.to_vec(),
                bytes: vec![2.0; bits.len()],
            };
            MetricResult::of(Metric::BitsPerByte, sample, &Confidence::default())
        };
        let (original, changed) = (of(&[2.0, 4.0, 100.0]), of(&[4.0, 8.0]));
        assert_eq!(changed.value, Some(3.0));
        let found = Comparison::of(&original, &changed, &Confidence::default()).unwrap();
        assert_eq!((found.difference, found.retained), (Some(1.5), Some(0.5)));
        assert_eq!(found.units, 2);
    }

    #[test]
    fn losses_that_are_no_numbers_are_told_as_such() {
        let result = |losses: &[f64]| {
            let sample = Sample::Perplexity {
                losses: losses.to_vec(),
                tokens: vec![1.0; losses.len()],
            };
            MetricResult::of(Metric::Perplexity, sample, &Confidence::default())
        };
        let (broken, whole) = (result(&[1.0, f64::NAN]), result(&[1.0, 2.0]));
        assert_eq!(broken.value, None);
        let found = Comparison::of(&whole, &broken, &Confidence::default()).unwrap();
        assert_eq!((found.difference, found.significance), (None, None));
        let written = serde_json::to_string(&broken).unwrap();
        assert!(written.contains("[1.0,null]"), "{written}");
        let read: MetricResult = serde_json::from_str(&written).unwrap();
        assert_eq!(read.value, None);
        assert_eq!(serde_json::to_string(&read).unwrap(), written);
        let outcomes = Sample::of_outcomes([Some(true), None]);
        let result = MetricResult::of(Metric::Accuracy, outcomes, &Confidence::default());
        assert_eq!((result.value, result.low), (None, None));
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
