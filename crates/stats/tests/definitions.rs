//! Every statistic equals its definition, worked out by hand.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::f64::consts::PI;

use layerlab_stats::{
    BINS, Epsilon, Estimator, Histogram, HistogramPlace, LayerStatistics, ModelStatistics, Moments,
    PairStatistics, Resamples, SequencePair, SequenceStatistics, Tap, TapStatistics,
    percentile_interval, reference,
};

#[track_caller]
fn assert_close(found: f64, expected: f64) {
    let scale = expected.abs().max(1e-300);
    assert!(
        (found - expected).abs() <= 1e-12 * scale,
        "{found:e} is not {expected:e}"
    );
}

#[track_caller]
fn assert_moments(found: Moments, count: u64, mean: f64, [m2, m3, m4]: [f64; 3]) {
    assert_eq!(found.count, count);
    assert_close(found.mean, mean);
    assert_close(found.m2, m2);
    assert_close(found.m3, m3);
    assert_close(found.m4, m4);
}

fn of(values: &[f64]) -> Moments {
    Moments::of(values.iter().copied())
}

/// Their mean is 4; deviations are −3, −2, 0 and 5.
const VALUES: [f64; 4] = [1.0, 2.0, 4.0, 9.0];
const POWERS: [f64; 3] = [38.0, 90.0, 722.0];

#[test]
fn moments_are_sums_of_powers_of_deviations() {
    let moments = of(&VALUES);
    assert_moments(moments, 4, 4.0, POWERS);
    assert_close(moments.variance(), 9.5);
    assert_close(moments.unbiased_variance(), 38.0 / 3.0);
    assert_close(moments.rms(), 25.5f64.sqrt());
    assert_close(moments.kurtosis().unwrap(), 2.0);
    assert_eq!(of(&[7.0]).unbiased_variance(), 0.0);
    assert_eq!(of(&[7.0, 7.0]).kurtosis(), None);
    assert_close(of(&[1.0, 3.0]).unbiased_variance(), 2.0);
    let none = of(&[]);
    assert_eq!(none, Moments::default());
    let nothing = [none.variance(), none.unbiased_variance(), none.rms()];
    assert_eq!((nothing, none.kurtosis()), ([0.0; 3], None));
    // So small that their fourth powers, about 1e-318, have no digits left.
    let tiny = of(&VALUES.map(|value| value * 1e-70));
    assert_close(tiny.kurtosis().unwrap(), 2.0);
}

#[test]
fn a_mean_that_was_rounded_is_put_right() {
    // Beyond 2^53 the sum of these is rounded; their mean is a float64.
    let moments = of(&[3.0, 1.0, 1.0, 0.0, 5.0].map(|step| 3e15 + step));
    assert_eq!((moments.mean, moments.m2), (3e15 + 2.0, 16.0));
}

#[test]
fn moments_merge_at_any_cut() {
    for cut in 0..=VALUES.len() {
        let (before, after) = VALUES.split_at(cut);
        assert_moments(of(before).merge(&of(after)), 4, 4.0, POWERS);
        assert_moments(of(after).merge(&of(before)), 4, 4.0, POWERS);
    }
    // Of unequal sets with a spread of their own: every term of the formulas counts.
    let (some, others) = ([1.0, 2.0, 6.0, 7.0, 14.0], [-3.0, 10.0, 11.0]);
    let all = of(&[&some[..], &others].concat());
    let merged = of(&some).merge(&of(&others));
    assert_moments(merged, 8, all.mean, [all.m2, all.m3, all.m4]);
}

#[test]
fn moments_repeat() {
    let thrice = of(&VALUES).repeat(3);
    assert_moments(thrice, 12, 4.0, POWERS.map(|power| 3.0 * power));
    assert_eq!(of(&VALUES).repeat(0), Moments::default());
}

/// A sequence of tokens of two channels.
fn sequence(values: &[f32]) -> SequenceStatistics {
    reference::sequence(values, 2, &vec![true; values.len() / 2], Some(1.0))
}

fn tap(sequences: &[SequenceStatistics]) -> TapStatistics {
    TapStatistics {
        sequences: sequences.to_vec(),
    }
}

#[test]
fn a_sequence_is_what_its_real_tokens_are() {
    let values = [
        1.0,
        2.0,
        9.0,
        9.0,
        3.0,
        -6.0,
        f32::NAN,
        0.5,
        f32::NEG_INFINITY,
        4.0,
    ];
    let mask = [true, false, true, true, true];
    let found = reference::sequence(&values, 2, &mask, Some(1.0));
    assert_eq!((found.tokens, found.nan, found.inf), (4, 1, 1));
    // Finite: 1, 3 in the one channel; 2, −6, 0.5, 4 in the other.
    assert_eq!(found.channel_mean, [2.0, 0.125]);
    assert_close(found.pooled_variance, 1.875 * 1.875 / 2.0);
    let squares = 4.0 + 36.0 + 0.25 + 16.0 - 4.0 * 0.125 * 0.125;
    assert_close(found.channel_m2, 2.0 + squares);
    assert_moments_of(&found, &[1.0, 2.0, 3.0, -6.0, 0.5, 4.0]);
    assert_eq!(found.max_abs, 6.0);
    let below = found.below_epsilon.unwrap();
    assert_eq!((below.epsilon, below.count), (1.0, 1));
    assert_eq!(found.histogram.total(), 6);
    assert_eq!(found.histogram.counts()[Histogram::bin_of(6.0)], 1);
    let uncounted = reference::sequence(&values, 2, &mask, None);
    assert_eq!(uncounted.below_epsilon, None);
}

#[track_caller]
fn assert_moments_of(found: &SequenceStatistics, values: &[f64]) {
    let expected = of(values);
    let powers = [expected.m2, expected.m3, expected.m4];
    assert_moments(found.moments, values.len() as u64, expected.mean, powers);
}

#[test]
fn variances_weigh_sequences_by_their_draws() {
    // Channel means 2, 4 and 0, 10; unbiased variances of these 2 and 50.
    let sequences = tap(&[sequence(&[1.0, 4.0, 3.0, 4.0]), sequence(&[0.0, 10.0])]);
    let pooled = |weights: &[u32]| sequences.variance(Estimator::Pooled, weights);
    assert_close(pooled(&[1, 1]), 26.0);
    assert_close(pooled(&[3, 1]), 14.0);
    assert_close(pooled(&[0, 2]), 50.0);
    assert_close(pooled(&[2, 0]), 2.0);
    assert_eq!(pooled(&[0, 0]), 0.0);
    let element = |weights: &[u32]| sequences.variance(Estimator::Element, weights);
    assert_close(element(&[1, 0]), 1.5);
    assert_close(element(&[0, 1]), 25.0);
    // 1, 4, 3, 4 twice, and 0, 10.
    assert_close(element(&[2, 1]), (84.0 + 100.0) / 10.0 - 3.4 * 3.4);
    let channel = |weights: &[u32]| sequences.variance(Estimator::Channel, weights);
    assert_close(channel(&[1, 0]), 0.5);
    assert_eq!(channel(&[0, 1]), 0.0);
    // 1, 3, 1, 3, 0 and 4, 4, 4, 4, 10.
    let (one, other) = (20.0 / 5.0 - 1.6 * 1.6, 164.0 / 5.0 - 5.2 * 5.2);
    assert_close(channel(&[2, 1]), (one + other) / 2.0);
    assert_eq!(channel(&[0, 0]), 0.0);
    let empty = SequenceStatistics {
        channel_mean: Vec::new(),
        ..sequence(&[1.0, 2.0])
    };
    assert_eq!(tap(&[empty]).variance(Estimator::Channel, &[1]), 0.0);
}

#[test]
fn a_tap_sums_its_sequences() {
    let broken = sequence(&[f32::NAN, f32::INFINITY, f32::INFINITY, -9.0]);
    let mut all = tap(&[sequence(&[1.0, 2.0])]);
    assert!(all.is_finite());
    all.merge(tap(&[broken.clone(), sequence(&[3.0, 1.0, 1.0, 1.0])]));
    assert_eq!((all.tokens(), all.nan(), all.inf()), (5, 1, 2));
    assert_eq!((all.max_abs(), all.is_finite()), (9.0, false));
    let infinite = sequence(&[f32::INFINITY, 1.0]);
    assert!(!tap(&[infinite]).is_finite());
    let histogram = all.histogram();
    assert_eq!(histogram.total(), 7);
    assert_eq!(histogram.counts()[Histogram::bin_of(1.0)], 4);
    assert_moments(all.moments(&[1, 0, 0]), 2, 1.5, [0.5, 0.0, 0.125]);
    assert_eq!(all.moments(&[1, 1, 2]).count, 2 + 1 + 8);
    assert_eq!(all.summed().sequences().len(), 3);
    assert_eq!(TapStatistics::default().max_abs(), 0.0);
}

#[test]
fn a_model_sums_its_shards() {
    let pair = || PairStatistics {
        sequences: vec![SequencePair::default()],
    };
    let shard = || {
        let mut shard = ModelStatistics::new(2);
        let taps = [(Tap::Output, tap(&[sequence(&[1.0, 2.0])]))];
        shard.layers[1].taps.extend(taps.clone());
        shard.layers[0] = LayerStatistics {
            taps: taps.into(),
            spans: [(3, pair())].into(),
        };
        shard
    };
    assert_eq!(ModelStatistics::new(3).layers.len(), 3);
    assert_eq!(ModelStatistics::new(3).sequences(), 0);
    let mut all = shard();
    assert_eq!(all.sequences(), 1);
    all.merge(shard());
    assert_eq!(all.sequences(), 2);
    assert_eq!(all.layers[1].taps[&Tap::Output].sequences.len(), 2);
    assert_eq!(all.layers[0].spans[&3].sequences.len(), 2);
    let mut fresh = ModelStatistics::new(2);
    fresh.merge(shard());
    assert_eq!(fresh, shard());
}

#[test]
fn states_are_compared_by_angle_and_length() {
    // (3, 4) to (8, 6): norms 5 and 10, product 48, difference (5, 2).
    let turned = reference::pair(&[3.0, 4.0], &[8.0, 6.0], 2, &[true]);
    assert_eq!((turned.tokens, turned.degenerate), (1, 0));
    assert_close(turned.cosine_sum, 0.96);
    assert!((turned.one_minus_cosine_sum - 0.04).abs() < 1e-12);
    assert!((turned.angle_sum - 0.96f64.acos()).abs() < 1e-12);
    assert_close(turned.relative_magnitude_sum, 29f64.sqrt() / 10.0);
    assert_eq!(turned.last_cosine, Some(turned.cosine_sum));
    assert_eq!(turned.last_angle, Some(turned.angle_sum));
    // A right angle, then an opposite, whose double length is 3 times its length away.
    let rows = ([1.0, 0.0, 1.0, 0.0], [0.0, 1.0, -0.5, 0.0]);
    let two = reference::pair(&rows.0, &rows.1, 2, &[true, true]);
    assert_eq!(two.tokens, 2);
    assert_close(two.cosine_sum, -1.0);
    assert_close(two.one_minus_cosine_sum, 3.0);
    assert_close(two.angle_sum, 1.5 * PI);
    assert_close(two.relative_magnitude_sum, 2f64.sqrt() + 3.0);
    assert_eq!((two.last_cosine, two.last_angle), (Some(-1.0), Some(PI)));
    let padded = reference::pair(&rows.0, &rows.1, 2, &[true, false]);
    assert_eq!((padded.tokens, padded.last_cosine), (1, Some(0.0)));
}

#[test]
fn states_that_cannot_be_compared_are_counted() {
    let good = [1.0, 1.0, 4.0, 0.0];
    let edges = [[1e-30, 1e-30, 4e-30, 0.0], [1e30, 1e30, 4e30, 0.0]];
    let of = |rows: &[[f64; 4]]| SequencePair::from_token_sums(rows.iter().copied());
    for edge in edges {
        assert_eq!(of(&[edge]).tokens, 1);
    }
    for (index, value) in [
        (0, 0.0),
        (0, 9e-31),
        (0, 1.1e30),
        (0, f64::NAN),
        (1, 9e-31),
        (1, 1.1e30),
        (2, f64::INFINITY),
        (2, f64::NAN),
        (3, f64::INFINITY),
        (3, f64::NAN),
    ] {
        let mut bad = good;
        bad[index] = value;
        let found = of(&[good, bad, bad]);
        assert_eq!((found.tokens, found.degenerate), (1, 2), "{bad:?}");
        assert_eq!((found.last_cosine, found.last_angle), (None, None));
        let found = of(&[bad, good]);
        assert_eq!((found.tokens, found.last_cosine), (1, Some(1.0)), "{bad:?}");
    }
}

#[test]
fn comparisons_weigh_tokens_by_their_draws() {
    let pair = |tokens, sum: f64, last_angle| SequencePair {
        tokens,
        degenerate: 2,
        cosine_sum: sum,
        one_minus_cosine_sum: 2.0 * sum,
        angle_sum: 3.0 * sum * PI,
        relative_magnitude_sum: 4.0 * sum,
        last_cosine: None,
        last_angle,
    };
    let mut all = PairStatistics {
        sequences: vec![pair(3, 0.5, Some(PI / 2.0)), pair(1, 0.25, None)],
    };
    all.merge(PairStatistics {
        sequences: vec![pair(2, 1.0, Some(PI / 4.0))],
    });
    assert_eq!(all.degenerate(), 6);
    // 3 · 2 + 2 tokens, whose sum is 2.
    let weights = [2, 0, 1];
    assert_close(all.mean_cosine(&weights).unwrap(), 0.25);
    assert_close(all.block_influence(&weights).unwrap(), 0.5);
    assert_close(all.angular_distance(&weights).unwrap(), 0.75);
    assert_close(all.relative_magnitude(&weights).unwrap(), 1.0);
    assert_close(all.last_angular_distance(&weights).unwrap(), 1.25 / 3.0);
    assert_eq!(all.last_angular_distance(&[0, 5, 0]), None);
    assert_eq!(all.mean_cosine(&[0, 0, 0]), None);
    assert_close(all.mean_cosine(&[1, 1, 1]).unwrap(), 1.75 / 6.0);
}

#[test]
fn bins_are_eighths_of_octaves() {
    for (value, bin) in [
        (0.0, 0),
        (-0.0, 0),
        (1e-45, 0),
        (0.999 * 2f32.powi(-40), 0),
        (2f32.powi(-40), 1),
        (1.0, 321),
        (-1.0, 321),
        (1.124, 321),
        (1.125, 322),
        (1.99, 328),
        (2.0, 329),
        (2f32.powi(24) * 0.999, BINS - 2),
        (2f32.powi(24), BINS - 1),
        (f32::MAX, BINS - 1),
    ] {
        assert_eq!(Histogram::bin_of(value), bin, "{value:e}");
    }
    assert_eq!(BINS, 514);
    assert_eq!(Histogram::lower_edge(0), 0.0);
    assert_eq!(Histogram::lower_edge(1), 2f64.powi(-40));
    assert_eq!(
        (Histogram::lower_edge(322), Histogram::upper_edge(322)),
        (1.125, 1.25)
    );
    assert_eq!(Histogram::upper_edge(BINS - 2), 2f64.powi(24));
}

#[test]
fn histograms_add_and_answer() {
    let mut one = Histogram::from_counts([1, 2]);
    one.push(1.0);
    one.push(1.0);
    let mut sum = Histogram::from_counts([10; BINS + 5]);
    assert_eq!(sum.total(), 10 * BINS as u64);
    sum.add(&one, 3);
    assert_eq!(
        (sum.counts()[0], sum.counts()[1], sum.counts()[321]),
        (13, 16, 16)
    );
    assert_eq!(sum.counts()[2], 10);
    assert_eq!(one.total(), 5);
    // Halfway through the bin [1, 1.125).
    assert_eq!(one.count_below(1.0625), 4.0);
    assert_eq!(one.cumulative().count_below(1.0625), 4.0);
    let place = HistogramPlace::of(1.0625);
    assert_eq!((place.share, place.is_edge), (0.5, false));
    assert_eq!(one.cumulative().around(place), [3, 2]);
    // The nearest float32 is 1, but it lies below 1.
    let place = HistogramPlace::of(1.0 - 1e-12);
    assert_eq!(one.cumulative().around(place), [3, 0]);
    assert!(place.share > 0.999 && place.share < 1.0 && !place.is_edge);
    let beyond = HistogramPlace::of(1e30);
    assert_eq!((beyond.share, beyond.is_edge), (0.0, false));
    assert_eq!(one.cumulative().around(HistogramPlace::of(0.0)), [0, 1]);
    assert!(HistogramPlace::of(0.0).is_edge);
}

#[test]
fn names_round_trip() {
    for tap in Tap::ALL {
        assert_eq!(tap.to_string().parse(), Ok(tap));
        assert_eq!(format!("{tap:>9}").trim_start(), tap.name());
    }
    let said = "block".parse::<Tap>().unwrap_err().to_string();
    let names = "input, output, update, attention, mlp, neurons";
    assert_eq!(said, format!("`block` is not a tap; expected {names}"));
    for estimator in Estimator::ALL {
        assert_eq!(estimator.to_string().parse(), Ok(estimator));
        assert_eq!(format!("{estimator:>9}").trim_start(), estimator.name());
    }
    let said = "mean".parse::<Estimator>().unwrap_err().to_string();
    let names = "pooled, element, channel";
    assert_eq!(
        said,
        format!("`mean` is not a variance estimator; expected {names}")
    );
    let written = serde_json::to_string(&Epsilon::Relative(0.05)).unwrap();
    assert_eq!(written, "\"rel:0.05\"");
    let read: Epsilon = serde_json::from_str(&written).unwrap();
    assert_eq!(read, Epsilon::Relative(0.05));
    let schema = serde_json::to_value(schemars::schema_for!(Epsilon)).unwrap();
    // What schemas of whole documents call it, and themselves where it is all of them.
    assert_eq!(schema["title"], "Epsilon");
    let list = serde_json::to_value(schemars::schema_for!(Vec<Epsilon>)).unwrap();
    assert_eq!(list["items"]["$ref"], "#/$defs/Epsilon");
    assert_eq!(list["$defs"]["Epsilon"]["type"], "string");
    assert_eq!(schema["type"], "string");
    assert_eq!(schema["pattern"], "^(rel:)?[0-9]");
}

#[test]
fn intervals_leave_out_the_tails() {
    let sample: Vec<f64> = (0..=100).map(f64::from).rev().collect();
    assert_eq!(percentile_interval(sample, 0.5), Some((25.0, 75.0)));
    // A quarter of the way between neighbours.
    let (low, high) = percentile_interval(vec![1.0, 3.0], 0.5).unwrap();
    assert_eq!((low, high), (1.5, 2.5));
    let resamples = Resamples::new(3, 50, 7);
    assert_eq!(resamples.data(), [1, 1, 1]);
    assert_eq!(resamples.draws().len(), 50);
    assert_ne!(resamples, Resamples::new(3, 50, 8));
    let first = |draw: &[u32]| (draw[0] > 0).then(|| f64::from(draw[0]));
    let (low, high) = resamples.interval(1.0, first).unwrap();
    assert_eq!((low, high), (1.0, 3.0));
    assert_eq!(resamples.interval(0.95, |_| None), None);
    assert!(Resamples::new(2, 5, 0).draws().len() == 5);
    assert!(Resamples::new(0, 5, 0).draws().is_empty());
}
