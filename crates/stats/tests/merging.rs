//! Statistics of shards combine into the statistics of their union.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use layerlab_stats::{
    BINS, Epsilon, Estimator, Histogram, HistogramPlace, Moments, SequencePair, TapStatistics,
    reference,
};
use proptest::prelude::*;

fn close(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= 1e-9 * scale
}

proptest! {
    #[test]
    fn moments_of_shards_are_the_moments_of_the_whole(
        values in prop::collection::vec(-5.0f64..5.0, 1..60),
        offset in prop::sample::select(vec![0.0, 1.0, 1e4, -1e6]),
        cut in 0usize..60,
        times in 1u32..4,
    ) {
        let values: Vec<f64> = values.iter().map(|value| value + offset).collect();
        let cut = cut.min(values.len());
        let of = |part: &[f64]| Moments::of(part.iter().copied());
        let whole = of(&values);
        let merged = of(&values[..cut]).merge(&of(&values[cut..]));
        prop_assert_eq!(merged.count, whole.count);
        // Deviations carry the rounding of the offset: 1e6 in float64 is good to 1e-10.
        let unit = whole.m2 + 1e-6;
        prop_assert!(close(merged.mean, whole.mean, offset.abs() + 5.0));
        prop_assert!((merged.m2 - whole.m2).abs() <= 1e-8 * unit);
        prop_assert!((merged.m3 - whole.m3).abs() <= 1e-7 * unit * 10.0);
        prop_assert!((merged.m4 - whole.m4).abs() <= 1e-7 * unit * 100.0);

        let copies = values.repeat(times as usize);
        let repeated = whole.repeat(times);
        prop_assert_eq!(repeated.count, of(&copies).count);
        prop_assert!((repeated.m2 - of(&copies).m2).abs() <= 1e-8 * unit * f64::from(times));
    }

    #[test]
    fn weights_are_repetition(
        values in prop::collection::vec(prop::collection::vec(-2.0f32..2.0, 12), 3),
        weights in prop::collection::vec(0u32..3, 3),
    ) {
        prop_assume!(weights.iter().sum::<u32>() > 0);
        // Sequences of 4 tokens of 3 channels, each at its own level.
        let sequences: Vec<_> = values.iter().enumerate().map(|(level, values)| {
            let raised: Vec<f32> = values.iter().map(|value| value + level as f32).collect();
            reference::sequence(&raised, 3, &[true; 4], Some(0.5))
        }).collect();
        let tap = TapStatistics { sequences: sequences.clone() };
        let repeated = TapStatistics {
            sequences: sequences.iter().zip(&weights)
                .flat_map(|(sequence, weight)| vec![sequence.clone(); *weight as usize]).collect(),
        };
        let ones = vec![1; repeated.sequences.len()];
        for estimator in Estimator::ALL {
            let (a, b) = (tap.variance(estimator, &weights), repeated.variance(estimator, &ones));
            prop_assert!(close(a, b, b + 1e-12), "{estimator}: {a} {b}");
        }
        for epsilon in [Epsilon::Absolute(0.5), Epsilon::Relative(0.3)] {
            let (a, b) = (tap.sparsity(epsilon, &weights), repeated.sparsity(epsilon, &ones));
            prop_assert!(close(a.share, b.share, 1.0));
            prop_assert_eq!(a.saturated, b.saturated);
        }
    }

    #[test]
    fn the_channel_estimator_sees_all_tokens(values in prop::collection::vec(-2.0f64..2.0, 24)) {
        // Two sequences of 4 tokens of 3 channels, against the variance of each column of all 8.
        let floats: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        let tap = TapStatistics {
            sequences: floats.chunks(12).map(|s| reference::sequence(s, 3, &[true; 4], None)).collect(),
        };
        let expected: f64 = (0..3).map(|channel| {
            Moments::of(floats.iter().skip(channel).step_by(3).map(|v| f64::from(*v))).variance()
        }).sum::<f64>() / 3.0;
        prop_assert!(close(tap.variance(Estimator::Channel, &[1, 1]), expected, expected + 1e-12));
    }

    #[test]
    fn every_finite_float_falls_in_its_bin(bits in any::<u32>()) {
        let value = f32::from_bits(bits);
        prop_assume!(value.is_finite());
        let bin = Histogram::bin_of(value);
        let magnitude = f64::from(value.abs());
        prop_assert!(Histogram::lower_edge(bin) <= magnitude && magnitude < Histogram::upper_edge(bin));
    }

    #[test]
    fn interpolation_stays_within_the_bin(
        values in prop::collection::vec(-2.0f32..2.0, 1..200), threshold in 1e-3f64..3.0,
    ) {
        let mut histogram = Histogram::default();
        values.iter().for_each(|value| histogram.push(*value));
        let exact = values.iter().filter(|value| f64::from(value.abs()) < threshold).count() as f64;
        let off = (histogram.count_below(threshold) - exact).abs();
        let [_, inside] = histogram.cumulative().around(HistogramPlace::of(threshold));
        prop_assert!(off <= inside as f64);
    }
}

#[test]
fn edges_are_exact_thresholds() {
    let mut histogram = Histogram::default();
    let edges: Vec<f64> = (0..BINS).map(Histogram::lower_edge).collect();
    edges.iter().for_each(|edge| histogram.push(*edge as f32));
    for (bin, edge) in edges.iter().enumerate() {
        assert_eq!(histogram.count_below(*edge), bin as f64, "{edge:e}");
        assert!(HistogramPlace::of(*edge).is_edge);
        assert!(!HistogramPlace::of(edge * 1.0001 + 1e-13).is_edge);
    }
    assert_eq!(histogram.total(), BINS as u64);
    assert_eq!(Histogram::upper_edge(BINS - 1), f64::INFINITY);
}

#[test]
fn small_angles_keep_their_digits() {
    // A turn by 1e-4 in the plane: 1 - cos = 2 sin²(θ/2), whose float64 value is exact to 1e-15.
    let angle = 1e-4f64;
    let (a, b) = ([1.0, 0.0], [angle.cos(), angle.sin()]);
    let sum = |term: fn(f64, f64) -> f64| term(a[0], b[0]) + term(a[1], b[1]);
    let pair = SequencePair::from_token_sums(std::iter::once([
        sum(|a, _| a * a),
        sum(|_, b| b * b),
        sum(|a, b| (b + a) * (b + a)),
        sum(|a, b| (b - a) * (b - a)),
    ]));
    let expected = 2.0 * (angle / 2.0).sin().powi(2);
    assert!((pair.one_minus_cosine_sum - expected).abs() < 1e-6 * expected);
    assert!((pair.angle_sum - angle).abs() < 1e-6 * angle);
    assert_eq!(pair.last_angle, Some(pair.angle_sum));
}
