//! Sparsity at any threshold: counted where the pass counted below that very one, read from the histogram
//! elsewhere.
#![allow(missing_docs, clippy::unwrap_used)]

use layerlab_stats::{
    Epsilon, Estimator, Histogram, SequenceStatistics, Sparsity, SummedTap, TapStatistics,
    reference,
};
use proptest::prelude::*;

/// A sequence of tokens of two channels, counted below a threshold if one is given.
fn sequence(values: &[f32], counted_below: Option<f64>) -> SequenceStatistics {
    reference::sequence(values, 2, &vec![true; values.len() / 2], counted_below)
}

fn tap(sequences: &[(&[f32], Option<f64>)]) -> TapStatistics {
    let sequences = sequences.iter();
    TapStatistics {
        sequences: sequences
            .map(|(values, counted_below)| sequence(values, *counted_below))
            .collect(),
    }
}

fn share_below(values: &[f32], threshold: f64) -> f64 {
    let below = values.iter().filter(|a| f64::from(a.abs()) < threshold);
    below.count() as f64 / values.len() as f64
}

/// Within the bin [0.28125, 0.3125) of 0.3 there lie three values, one below 0.3; four lie before it.
const VALUES: [f32; 10] = [
    0.01, -0.02, 0.25, -0.28, 0.29, -0.301, 0.31, 0.5, -0.75, 1.0,
];

#[test]
fn an_exact_count_answers_for_its_own_threshold() {
    let found = tap(&[(&VALUES, Some(0.3))]).sparsity(Epsilon::Absolute(0.3), &[1]);
    let expected = Sparsity {
        share: 0.5,
        floored: 0.5,
        saturated: false,
        uncertainty: 0.0,
    };
    assert_eq!(found, expected);
}

#[test]
fn any_other_threshold_is_read_from_the_histogram() {
    let counted_elsewhere = tap(&[(&VALUES, Some(1e-5))]);
    let found = counted_elsewhere.sparsity(Epsilon::Absolute(0.3), &[1]);
    // 0.6 of the bin lies below 0.3, so 1.8 of its three values count beside the four before it.
    assert!((found.share - 0.58).abs() < 1e-9, "{found:?}");
    assert!((found.uncertainty - 0.3).abs() < 1e-12, "{found:?}");
    assert!(!found.saturated);
    assert_eq!(
        found,
        tap(&[(&VALUES, None)]).sparsity(Epsilon::Absolute(0.3), &[1])
    );
    // And back: the threshold of the pass is exact again, here with nothing below it.
    let found = counted_elsewhere.sparsity(Epsilon::Absolute(1e-5), &[1]);
    let expected = Sparsity {
        share: 0.0,
        floored: 0.1,
        saturated: true,
        uncertainty: 0.0,
    };
    assert_eq!(found, expected);
}

#[test]
fn each_sequence_answers_by_what_it_has() {
    let other: [f32; 10] = VALUES.map(|value| value * 1.01);
    let mixed = tap(&[(&VALUES, Some(0.3)), (&other, Some(0.2))]);
    let alone = tap(&[(&other, None)]).sparsity(Epsilon::Absolute(0.3), &[1]);
    let found = mixed.sparsity(Epsilon::Absolute(0.3), &[1, 1]);
    assert!((found.share - (0.5 + alone.share) / 2.0).abs() < 1e-12);
    assert!((found.uncertainty - alone.uncertainty / 2.0).abs() < 1e-12);
    // Drawn thrice and once.
    let found = mixed.sparsity(Epsilon::Absolute(0.3), &[3, 1]);
    assert!((found.share - (1.5 + alone.share) / 4.0).abs() < 1e-12);
    // The interpolated one is not drawn at all.
    let found = mixed.sparsity(Epsilon::Absolute(0.3), &[2, 0]);
    assert_eq!((found.share, found.uncertainty), (0.5, 0.0));
}

#[test]
fn one_element_below_is_no_saturation() {
    let found = tap(&[(&VALUES, Some(0.015))]).sparsity(Epsilon::Absolute(0.015), &[1]);
    assert_eq!((found.share, found.floored), (0.1, 0.1));
    assert!(!found.saturated);
}

#[test]
fn relative_thresholds_follow_the_root_mean_square() {
    // Of 3 and 4 in equal numbers it is √12.5 = 3.5355: 0.9 of it lies between them, 0.8 below both.
    let values = [3.0, 4.0, -3.0, -4.0];
    let statistics = tap(&[(&values, None)]);
    let at = |share| statistics.sparsity(Epsilon::Relative(share), &[1]).share;
    assert_eq!(at(0.8), 0.0);
    assert_eq!(at(0.97), 0.5);
    assert_eq!(at(1.4), 1.0);
    // Of the sequences that are drawn.
    let large = [300.0, 400.0];
    let both = tap(&[(&values, None), (&large, None)]);
    assert_eq!(both.sparsity(Epsilon::Relative(0.97), &[1, 0]).share, 0.5);
    assert_eq!(both.sparsity(Epsilon::Relative(0.97), &[0, 1]).share, 0.5);
    assert!((both.sparsity(Epsilon::Relative(0.97), &[1, 1]).share - 4.0 / 6.0).abs() < 1e-12);
}

#[test]
fn nothing_lies_below_what_is_no_threshold() {
    let histogram = Histogram::from_counts([3, 2, 1]);
    for threshold in [0.0, -0.0, -1.0, -1e300, f64::NAN] {
        assert_eq!(histogram.count_below(threshold), 0.0, "{threshold}");
    }
    assert_eq!(histogram.count_below(f64::INFINITY), 6.0);
}

#[test]
fn parts_of_avss_are_told_of_finite_and_drawn_sequences_only() {
    let (estimator, epsilon) = (Estimator::Element, Epsilon::Absolute(0.3));
    let good = tap(&[(&VALUES, Some(0.3)), (&VALUES, Some(0.3))]);
    let asked = |tap: &SummedTap<'_>, weights: &[u32]| {
        tap.variance_and_sparsity(estimator, epsilon, weights)
    };
    let expected = (good.variance(estimator, &[1, 1]), 0.5);
    assert!(good.is_finite() && good.summed().is_finite());
    assert_eq!(asked(&good.summed(), &[1, 1]), Some(expected));
    assert_eq!(asked(&good.summed(), &[0, 0]), None);
    for broken in [f32::NAN, f32::INFINITY] {
        let bad = tap(&[(&VALUES, None), (&[1.0, broken], None)]);
        assert!(!bad.is_finite() && !bad.summed().is_finite());
        assert_eq!(asked(&bad.summed(), &[1, 1]), None);
        assert_eq!(asked(&bad.summed(), &[1, 0]), None);
    }
    // Floored where nothing is below the threshold.
    let above = tap(&[(&VALUES, None)]);
    let found = above
        .summed()
        .variance_and_sparsity(estimator, Epsilon::Absolute(1e-5), &[1]);
    assert_eq!(found.map(|(_, sparsity)| sparsity), Some(0.1));
}

#[test]
fn nothing_drawn_has_no_spread() {
    let statistics = tap(&[(&VALUES, None)]);
    for estimator in Estimator::ALL {
        assert_eq!(statistics.variance(estimator, &[0]), 0.0);
        assert_eq!(TapStatistics::default().variance(estimator, &[]), 0.0);
    }
    let found = statistics.sparsity(Epsilon::Absolute(0.3), &[0]);
    assert_eq!((found.share, found.saturated), (0.0, true));
}

proptest! {
    #[test]
    fn thresholds_off_the_edges_of_bins_are_counted_or_bounded(
        values in prop::collection::vec(prop::collection::vec(-2.0f32..2.0, 10), 1..5),
        counted_below in 1e-3f64..2.5,
        asked in 1e-3f64..2.5,
    ) {
        let sequences: Vec<(&[f32], Option<f64>)> =
            values.iter().map(|values| (&values[..], Some(counted_below))).collect();
        let statistics = tap(&sequences);
        let weights = vec![1; values.len()];
        let all = values.concat();
        let exact = statistics.sparsity(Epsilon::Absolute(counted_below), &weights);
        prop_assert!((exact.share - share_below(&all, counted_below)).abs() < 1e-12);
        prop_assert_eq!(exact.uncertainty, 0.0);
        let read = statistics.sparsity(Epsilon::Absolute(asked), &weights);
        let off = (read.share - share_below(&all, asked)).abs();
        prop_assert!(off <= read.uncertainty + 1e-12, "{}: {:?}", asked, read);
    }
}
