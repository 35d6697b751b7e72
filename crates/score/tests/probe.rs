//! The probe equals its definition, written out in the plainest way: for each pair a direction made of all other questions, and
//! every factual answer against every hallucinated one.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use layerlab_score::{ContrastOptions, Estimate, contrast_layers, shuffled_labels};
use layerlab_stats::{
    Epsilon, Estimator, Resamples, TapStatistics, percentile_interval, reference,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CHANNELS: usize = 3;

type State = [f32; CHANNELS];

/// Answers of one token each, whose mean is that token.
fn side(states: &[State]) -> TapStatistics {
    let sequences = states.iter();
    TapStatistics {
        sequences: sequences
            .map(|state| reference::sequence(state, CHANNELS, &[true], None))
            .collect(),
    }
}

fn states(seed: u64, count: usize, shift: f32) -> Vec<State> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut state = || [shift, 0.0, 0.0].map(|shift| shift + random.random::<f32>());
    (0..count).map(|_| state()).collect()
}

/// Every question in a fold of its own.
fn options() -> ContrastOptions {
    ContrastOptions {
        estimator: Estimator::Element,
        epsilon: Epsilon::Absolute(0.5),
        folds: 1000,
        resamples: 30,
        seed: 3,
        ..ContrastOptions::default()
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|pair| format!("question {pair}")).collect()
}

/// Projections of both answers of each pair.
fn projections(sides: [&[State]; 2], folds: &[usize]) -> Vec<[f64; 2]> {
    let mean = |side: &[State], fold: usize, channel: usize| {
        let others = side.iter().zip(folds).filter(|(_, of)| **of != fold);
        let values: Vec<f64> = others.map(|(state, _)| f64::from(state[channel])).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let of = |pair: usize, which: usize| {
        let terms = (0..CHANNELS).map(|channel| {
            let [f, h] = sides.map(|side| mean(side, folds[pair], channel));
            (f - h) * (f64::from(sides[which][pair][channel]) - (f + h) / 2.0)
        });
        terms.sum::<f64>()
    };
    (0..folds.len())
        .map(|pair| [of(pair, 0), of(pair, 1)])
        .collect()
}

fn auroc(projections: &[[f64; 2]], draw: &[u32]) -> f64 {
    let (mut won, mut all) = (0.0, 0.0);
    for ([factual, _], times) in projections.iter().zip(draw) {
        for ([_, hallucinated], other) in projections.iter().zip(draw) {
            let count = f64::from(times * other);
            all += count;
            won += count
                * match factual.total_cmp(hallucinated) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
        }
    }
    won / all
}

#[track_caller]
fn assert_estimate(found: Estimate, projections: &[[f64; 2]], draws: &Resamples) {
    let close = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-12;
    let value = auroc(projections, draws.data());
    assert!(close(found.value, value), "{found:?} {value}");
    let sample = draws.draws().iter().map(|draw| auroc(projections, draw));
    let (low, high) = percentile_interval(sample.collect(), 0.95).unwrap();
    assert!(
        close(found.low, low) && close(found.high, high),
        "{found:?}"
    );
}

#[test]
fn each_pair_is_projected_on_what_all_others_say() {
    let (factual, hallucinated) = (states(1, 12, 0.2), states(2, 12, 0.0));
    let names = names(12);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (f, h) = (side(&factual), side(&hallucinated));
    let found = contrast_layers(&[&f], &[&h], &names, &options())
        .unwrap()
        .layers;
    let folds: Vec<usize> = (0..12).collect();
    let expected = projections([&factual, &hallucinated], &folds);
    // Neither chance nor certainty, so that it could be missed either way.
    let value = found[0].auroc.value.unwrap();
    assert!(value > 0.55 && value < 0.95, "{value}");
    assert_estimate(found[0].auroc, &expected, &Resamples::new(12, 30, 3));
}

#[test]
fn answers_of_one_question_are_left_out_together() {
    let (factual, hallucinated) = (states(3, 12, 0.3), states(4, 12, 0.0));
    let names = names(4);
    let names: Vec<&str> = (0..12).map(|pair| names[pair % 4].as_str()).collect();
    let (f, h) = (side(&factual), side(&hallucinated));
    let found = contrast_layers(&[&f], &[&h], &names, &options())
        .unwrap()
        .layers;
    let folds: Vec<usize> = (0..12).map(|pair| pair % 4).collect();
    let expected = projections([&factual, &hallucinated], &folds);
    assert_estimate(found[0].auroc, &expected, &Resamples::new(12, 30, 3));
}

#[test]
fn two_folds_halve_the_questions() {
    let (factual, hallucinated) = (states(5, 8, 0.3), states(6, 8, 0.0));
    let names = names(8);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (f, h) = (side(&factual), side(&hallucinated));
    // Fewer than two are two.
    for folds in [2, 1, 0] {
        let options = ContrastOptions { folds, ..options() };
        let found = contrast_layers(&[&f], &[&h], &names, &options)
            .unwrap()
            .layers;
        let value = found[0].auroc.value.unwrap();
        // Which halves is a matter of the seed: one of the 70 ways to take 4 of 8, each giving both halves.
        let halves = (0u32..256).filter(|half| half.count_ones() == 4);
        let mut values = halves.map(|half| {
            let folds: Vec<usize> = (0..8).map(|pair| (half >> pair & 1) as usize).collect();
            auroc(&projections([&factual, &hallucinated], &folds), &[1; 8])
        });
        assert!(
            values.any(|expected| (expected - value).abs() < 1e-12),
            "{value}"
        );
    }
}

#[test]
fn equals_count_half() {
    // All factual answers alike, and half of the hallucinated ones like them.
    let factual = [[1.0, 0.0, 0.0]; 4];
    let hallucinated = [[1.0, 0.0, 0.0], [0.0; 3], [1.0, 0.0, 0.0], [0.0; 3]];
    let names = names(4);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (f, h) = (side(&factual), side(&hallucinated));
    let options = ContrastOptions {
        folds: 2,
        ..options()
    };
    let found = contrast_layers(&[&f], &[&h], &names, &options)
        .unwrap()
        .layers;
    let folds = [[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0]];
    let expected =
        folds.map(|folds| auroc(&projections([&factual, &hallucinated], &folds), &[1; 4]));
    let value = found[0].auroc.value.unwrap();
    assert!(
        expected
            .iter()
            .any(|expected| (expected - value).abs() < 1e-12),
        "{value} {expected:?}"
    );
}

#[test]
fn one_question_alone_has_no_probe() {
    let (f, h) = (side(&states(7, 3, 0.5)), side(&states(8, 3, 0.0)));
    let found = contrast_layers(&[&f], &[&h], &["a", "a", "a"], &options())
        .unwrap()
        .layers;
    assert_eq!(found[0].auroc.value, None);
    assert!(found[0].hsav.value.is_some());
}

#[test]
fn layers_are_ranked_by_propensity() {
    let layer = |scale: f32| {
        let states = states(9, 12, 0.4).into_iter();
        side(
            &states
                .map(|state| state.map(|value| scale * value))
                .collect::<Vec<_>>(),
        )
    };
    let (f, h) = (layer(1.0), [layer(1.1), layer(0.25), layer(1.0)]);
    let names = names(12);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let options = ContrastOptions {
        epsilon: Epsilon::Relative(0.05),
        ..options()
    };
    let found = contrast_layers(&[&f; 3], &[&h[0], &h[1], &h[2]], &names, &options)
        .unwrap()
        .layers;
    let ranks: Vec<_> = found
        .iter()
        .map(|layer| (layer.layer, layer.rank))
        .collect();
    assert_eq!(ranks, [(0, Some(2)), (1, Some(1)), (2, Some(3))]);
    assert_eq!(found[2].distinguishable, Some(false));
    assert_eq!(found[1].distinguishable, Some(true));
    assert_eq!(found[2].propensity, Some(0.0));
}

#[test]
fn intervals_exclude_what_lies_outside_them() {
    let estimate = Estimate {
        value: Some(1.0),
        low: Some(0.5),
        high: Some(2.0),
    };
    let excluded = [0.4, 0.5, 1.0, 2.0, 2.1].map(|value| estimate.excludes(value));
    assert_eq!(excluded, [true, false, false, false, true].map(Some));
    assert_eq!(Estimate::default().excludes(0.0), None);
}

#[test]
fn no_shuffle_tells_nothing() {
    let (f, h) = (side(&states(1, 3, 0.5)), side(&states(2, 3, 0.0)));
    let options = ContrastOptions {
        shuffles: 0,
        ..options()
    };
    assert_eq!(
        shuffled_labels(&[&f], &[&h], &["a", "b", "c"], &options),
        None
    );
    let options = ContrastOptions {
        shuffles: 2,
        ..options
    };
    let found = shuffled_labels(&[&f], &[&h], &["a", "b", "c"], &options).unwrap();
    assert_eq!(found.shuffles, 2);
}
