//! Metrics equal their definitions, worked out by hand, whatever is drawn.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use layerlab_eval::metric::{
    Comparison, Confidence, IntervalKind, Metric, MetricResult, PairedTest, Sample, wilson,
};
use layerlab_stats::{Resamples, percentile_interval};

fn close(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|found| (found - expected).abs() <= 1e-12 * expected.abs().max(1.0))
}

fn mean() -> Sample {
    Sample::Mean {
        values: vec![1.0, 0.0, 0.25, 0.5],
    }
}

fn perplexity() -> Sample {
    Sample::Perplexity {
        losses: vec![2.0, 6.0, 1.0, 3.0],
        tokens: vec![1.0, 2.0, 4.0, 5.0],
    }
}

fn bits() -> Sample {
    Sample::BitsPerByte {
        bits: vec![8.0, 6.0, 1.0, 3.0],
        bytes: vec![2.0, 3.0, 4.0, 3.0],
    }
}

fn calibration() -> Sample {
    Sample::Calibration {
        confidences: vec![0.9, 0.9, 0.5, 0.3],
        right: vec![true, false, true, false],
    }
}

#[test]
fn items_count_as_often_as_they_are_drawn() {
    let all = [1; 4];
    let some = [2, 0, 1, 0];
    assert!(close(mean().value(&all), 1.75 / 4.0));
    assert!(close(mean().value(&some), 2.25 / 3.0));
    assert!(close(perplexity().value(&all), 1f64.exp()));
    assert!(close(perplexity().value(&some), (5.0f64 / 6.0).exp()));
    assert!(close(bits().value(&all), 1.5));
    assert!(close(bits().value(&some), 17.0 / 8.0));
    // Gaps of 0.1 − 0.9, 0.5 and −0.3 in three bins; then of twice 0.1 and 0.5.
    assert!(close(calibration().value(&all), 1.6 / 4.0));
    assert!(close(calibration().value(&some), 0.7 / 3.0));
    for sample in [mean(), perplexity(), bits(), calibration()] {
        assert_eq!((sample.len(), sample.is_empty()), (4, false));
        assert_eq!(sample.value(&[0; 4]), None);
    }
    assert!(Sample::Mean { values: Vec::new() }.is_empty());
    let outcomes = Sample::of_outcomes([Some(true), Some(false)]);
    assert_eq!(
        outcomes,
        Sample::Mean {
            values: vec![1.0, 0.0]
        }
    );
}

#[test]
fn samples_of_one_kind_join() {
    let kinds = [mean(), perplexity(), bits(), calibration()];
    for (place, one) in kinds.iter().enumerate() {
        for (other_place, other) in kinds.iter().enumerate() {
            let joined = one.clone().joined(other.clone());
            assert_eq!(joined.is_some(), place == other_place);
            if let Some(joined) = joined {
                assert_eq!(joined.len(), 8);
                // The first half once and the second thrice is the same as any one of them.
                let draw = [1, 1, 1, 1, 3, 3, 3, 3];
                assert!(close(joined.value(&draw), one.value(&[1; 4]).unwrap()));
                assert!(close(
                    joined.value(&[0, 0, 0, 0, 2, 0, 1, 0]),
                    one.value(&[2, 0, 1, 0]).unwrap()
                ));
            }
        }
    }
}

#[test]
fn metrics_have_their_names_and_directions() {
    let all = [
        (Metric::Perplexity, "perplexity", false, false),
        (Metric::BitsPerByte, "bits per byte", false, false),
        (Metric::Accuracy, "accuracy", true, true),
        (Metric::AccuracyNorm, "acc_norm", true, true),
        (Metric::Mc1, "MC1", true, true),
        (Metric::Mc2, "MC2", true, false),
        (Metric::ExactMatch, "exact match", true, true),
        (Metric::Abstention, "abstention", true, true),
        (Metric::WrongAnswer, "wrong answers", false, true),
        (Metric::Ece, "ECE", false, false),
    ];
    for (metric, label, is_better, is_proportion) in all {
        let found = (
            metric.label(),
            metric.higher_is_better(),
            metric.is_proportion(),
        );
        assert_eq!(found, (label, is_better, is_proportion));
    }
}

#[test]
fn shares_have_wilsons_interval_and_all_else_a_bootstraps() {
    let confidence = Confidence {
        level: 0.9,
        resamples: 60,
        seed: 4,
    };
    let outcomes = Sample::of_outcomes([true, false, true, true].map(Some));
    let found = MetricResult::of(Metric::Accuracy, outcomes.clone(), &confidence);
    let (low, high) = wilson(0.75, 4, 0.9);
    assert!(close(found.value, 0.75) && close(found.low, low) && close(found.high, high));
    assert_eq!(
        (found.interval, found.rough, found.chance),
        (IntervalKind::Wilson, false, None)
    );
    assert_eq!(found.sample, outcomes);
    assert_eq!(found.with_chance(0.25).chance, Some(0.25));
    let found = MetricResult::of(Metric::Perplexity, perplexity(), &confidence);
    let resamples = Resamples::new(4, 60, 4);
    let sample = resamples
        .draws()
        .iter()
        .map(|draw| perplexity().value(draw).unwrap());
    let (low, high) = percentile_interval(sample.collect(), 0.9).unwrap();
    assert!(close(found.low, low) && close(found.high, high));
    assert_eq!(
        (found.interval, found.rough),
        (IntervalKind::Bootstrap, true)
    );
    for (items, rough) in [(9, true), (10, false)] {
        let sample = Sample::Mean {
            values: vec![0.5; items],
        };
        assert_eq!(
            MetricResult::of(Metric::Mc2, sample, &confidence).rough,
            rough
        );
    }
    let usual = Confidence::default();
    assert_eq!((usual.level, usual.resamples, usual.seed), (0.95, 1000, 0));
}

/// All 2^n exchanges of what the two contribute, the plainest way.
fn exchanged(a: &Sample, b: &Sample, value: impl Fn(&Sample, &Sample, u32) -> Option<f64>) -> f64 {
    let observed = value(a, b, 0).unwrap().abs();
    let all = 1u32 << a.len();
    let as_large = (0..all).filter(|exchange| {
        value(a, b, *exchange).is_some_and(|found| found.abs() >= observed * (1.0 - 1e-9))
    });
    as_large.count() as f64 / f64::from(all)
}

/// Both with some items in each other's place.
fn swapped<T: Copy>(a: &[T], b: &[T], exchange: u32) -> [Vec<T>; 2] {
    let pick = |own: &[T], other: &[T]| {
        let pairs = own.iter().zip(other).enumerate();
        pairs
            .map(|(place, (own, other))| match exchange >> place & 1 {
                1 => *other,
                _ => *own,
            })
            .collect()
    };
    [pick(a, b), pick(b, a)]
}

fn assert_tested(
    metric: Metric,
    a: &Sample,
    b: &Sample,
    swap: impl Fn(&Sample, &Sample, u32) -> [Sample; 2],
) {
    let confidence = Confidence::default();
    let [original, changed] =
        [a, b].map(|sample| MetricResult::of(metric, sample.clone(), &confidence));
    let found = Comparison::of(&original, &changed, &confidence).unwrap();
    let ones = vec![1; a.len()];
    let difference = |a: &Sample, b: &Sample, exchange| {
        let [a, b] = swap(a, b, exchange);
        Some(b.value(&ones)? - a.value(&ones)?)
    };
    assert!(close(found.difference, difference(a, b, 0).unwrap()));
    let significance = found.significance.unwrap();
    assert_eq!(significance.test, PairedTest::Permutation);
    let expected = exchanged(a, b, difference);
    assert!(expected > 0.01 && expected < 0.99, "{expected}");
    assert!(
        close(Some(significance.p), expected),
        "{metric:?}: {significance:?} {expected}"
    );
    assert_eq!(found.units, a.len());
    let other = MetricResult::of(Metric::Accuracy, b.clone(), &confidence);
    assert_eq!(Comparison::of(&original, &other, &confidence), None);
}

#[test]
fn differences_are_tested_by_exchanging_what_each_item_contributes() {
    let [a, b] = [vec![0.1, 0.9, 0.4, 0.3, 0.2], vec![0.3, 0.8, 0.9, 0.7, 0.1]];
    let of = |values: &Vec<f64>| Sample::Mean {
        values: values.clone(),
    };
    assert_tested(Metric::Mc2, &of(&a), &of(&b), |_, _, exchange| {
        swapped(&a, &b, exchange).map(|values| of(&values))
    });
    let (tokens, others) = (vec![3.0, 4.0, 5.0, 1.0, 2.0], vec![3.0, 2.0, 5.0, 4.0, 2.0]);
    let of = |losses: &Vec<f64>, tokens: &Vec<f64>| Sample::Perplexity {
        losses: losses.clone(),
        tokens: tokens.clone(),
    };
    assert_tested(
        Metric::Perplexity,
        &of(&a, &tokens),
        &of(&b, &others),
        |_, _, exchange| {
            let ([a, b], [c, d]) = (
                swapped(&a, &b, exchange),
                swapped(&tokens, &others, exchange),
            );
            [of(&a, &c), of(&b, &d)]
        },
    );
    let of = |bits: &Vec<f64>, bytes: &Vec<f64>| Sample::BitsPerByte {
        bits: bits.clone(),
        bytes: bytes.clone(),
    };
    assert_tested(
        Metric::BitsPerByte,
        &of(&a, &tokens),
        &of(&b, &others),
        |_, _, exchange| {
            let ([a, b], [c, d]) = (
                swapped(&a, &b, exchange),
                swapped(&tokens, &others, exchange),
            );
            [of(&a, &c), of(&b, &d)]
        },
    );
    let (right, wrong) = (
        vec![true, false, true, true, false],
        vec![false, false, true, false, true],
    );
    let of = |confidences: &Vec<f64>, right: &Vec<bool>| Sample::Calibration {
        confidences: confidences.clone(),
        right: right.clone(),
    };
    assert_tested(
        Metric::Ece,
        &of(&a, &right),
        &of(&b, &wrong),
        |_, _, exchange| {
            let ([a, b], [c, d]) = (swapped(&a, &b, exchange), swapped(&right, &wrong, exchange));
            [of(&a, &c), of(&b, &d)]
        },
    );
}

#[test]
fn what_is_compared_has_intervals_over_the_same_draws() {
    let confidence = Confidence {
        level: 0.8,
        resamples: 50,
        seed: 9,
    };
    let (a, b) = (
        perplexity(),
        Sample::Perplexity {
            losses: vec![3.0, 5.0, 4.0, 2.0],
            tokens: vec![1.0, 2.0, 4.0, 5.0],
        },
    );
    let [original, changed] =
        [&a, &b].map(|sample| MetricResult::of(Metric::Perplexity, sample.clone(), &confidence));
    let found = Comparison::of(&original, &changed, &confidence).unwrap();
    let resamples = Resamples::new(4, 50, 9);
    let interval = |value: &dyn Fn(&[u32]) -> f64| {
        let sample = resamples.draws().iter().map(|draw| value(draw));
        percentile_interval(sample.collect(), 0.8).unwrap()
    };
    let (low, high) = interval(&|draw| b.value(draw).unwrap() - a.value(draw).unwrap());
    assert!(close(found.difference_low, low) && close(found.difference_high, high));
    let (low, high) = interval(&|draw| a.value(draw).unwrap() / b.value(draw).unwrap());
    assert!(close(found.retained_low, low) && close(found.retained_high, high));
    assert!(found.rough);
}
