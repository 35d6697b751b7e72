#![allow(missing_docs, clippy::unwrap_used)]
//! Contrasts of planted and of absent differences.

use layerlab_score::{
    AnswerLosses, ContrastOptions, Estimate, LayerContrast, LayerLosses, ScoreError,
    contrast_layers, shuffled_labels,
};
use layerlab_stats::{Epsilon, Estimator, TapStatistics, reference};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CHANNELS: usize = 16;

/// Answers of one to four tokens: noise of this deviation around `shift` in the first channel.
fn answers(seed: u64, answers: usize, deviation: f32, shift: f32) -> Vec<Vec<f32>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = || (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0;
    let answers = (0..answers).map(|answer| {
        let tokens = 1 + answer % 4;
        (0..tokens * CHANNELS)
            .map(|place| normal() * deviation + if place % CHANNELS == 0 { shift } else { 0.0 })
            .collect()
    });
    answers.collect()
}

/// Their statistics, counted below a threshold if one is given.
fn measured(answers: &[Vec<f32>], counted_below: Option<f64>) -> TapStatistics {
    let sequences = answers.iter().map(|values| {
        let mask = vec![true; values.len() / CHANNELS];
        reference::sequence(values, CHANNELS, &mask, counted_below)
    });
    TapStatistics {
        sequences: sequences.collect(),
    }
}

fn side(seed: u64, count: usize, deviation: f32, shift: f32) -> TapStatistics {
    measured(&answers(seed, count, deviation, shift), None)
}

fn questions(count: usize) -> Vec<String> {
    (0..count).map(|question| question.to_string()).collect()
}

fn contrast(
    factual: &TapStatistics,
    hallucinated: &TapStatistics,
    options: &ContrastOptions,
) -> LayerContrast {
    let questions = questions(factual.sequences.len());
    let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
    let mut found = contrast_layers(&[factual], &[hallucinated], &questions, options).unwrap();
    found.layers.remove(0)
}

fn element() -> ContrastOptions {
    ContrastOptions {
        estimator: Estimator::Element,
        epsilon: Epsilon::Absolute(0.125),
        ..ContrastOptions::default()
    }
}

#[test]
fn ratios_are_those_of_the_statistics() {
    // Neither is an edge of the histogram's bins.
    for (counted_below, epsilon) in [
        (Some(0.3), Epsilon::Absolute(0.3)),
        (Some(1e-5), Epsilon::Absolute(0.3)),
        (None, Epsilon::Absolute(0.7)),
        (None, Epsilon::Relative(0.05)),
    ] {
        let of = |seed, deviation| measured(&answers(seed, 40, deviation, 0.0), counted_below);
        let (factual, hallucinated) = (of(1, 1.0), of(2, 1.5));
        for estimator in Estimator::ALL {
            let options = ContrastOptions {
                estimator,
                epsilon,
                ..ContrastOptions::default()
            };
            let found = contrast(&factual, &hallucinated, &options);
            let ones = vec![1; 40];
            let variance = |side: &TapStatistics| side.variance(estimator, &ones);
            let sparsity = |side: &TapStatistics| side.sparsity(epsilon, &ones).floored;
            let hsav = variance(&hallucinated) / variance(&factual);
            let hss = sparsity(&hallucinated) / sparsity(&factual);
            assert_eq!(found.hsav.value, Some(hsav));
            assert_eq!(found.hss.value, Some(hss));
            assert_eq!(found.ln_eavss.value, Some((hsav / hss).ln()));
            assert_eq!(found.propensity, found.ln_eavss.value.map(f64::abs));
        }
    }
}

/// By the definition, element by element, at a threshold inside a bin of the histogram.
#[test]
fn what_was_counted_below_the_threshold_is_used() {
    let (factual, hallucinated) = (answers(1, 40, 1.0, 0.0), answers(2, 40, 1.5, 0.0));
    let epsilon = 0.3;
    let options = ContrastOptions {
        estimator: Estimator::Element,
        epsilon: Epsilon::Absolute(epsilon),
        ..ContrastOptions::default()
    };
    let share = |answers: &[Vec<f32>]| {
        let elements: Vec<f32> = answers.concat();
        let below = elements.iter().filter(|a| f64::from(a.abs()) < epsilon);
        below.count() as f64 / elements.len() as f64
    };
    let hss = share(&hallucinated) / share(&factual);
    let found = |counted_below| {
        let sides = [&factual, &hallucinated].map(|side| measured(side, counted_below));
        contrast(&sides[0], &sides[1], &options).hss.value.unwrap()
    };
    assert!((found(Some(epsilon)) - hss).abs() < 1e-12);
    // Read from the histogram it is near, but another number.
    let read = found(None);
    assert!(
        (read - hss).abs() > 1e-6 && (read / hss - 1.0).abs() < 0.05,
        "{read} {hss}"
    );
}

#[test]
fn a_layer_that_is_not_finite_is_told_nothing_of() {
    let mut hallucinated = answers(2, 40, 1.5, 0.0);
    hallucinated[7][3] = f32::NAN;
    let found = contrast(
        &side(1, 40, 1.0, 0.0),
        &measured(&hallucinated, None),
        &element(),
    );
    for estimate in [found.hsav, found.hss, found.ln_eavss] {
        assert_eq!(estimate, Estimate::default());
    }
    assert_eq!((found.propensity, found.distinguishable), (None, None));
    assert_eq!(found.rank, None);
}

/// Channel means that are no numbers: their projections are not even equal to themselves.
#[test]
fn a_probe_of_what_is_no_number_has_no_area() {
    let mut factual = side(1, 12, 1.0, 0.0);
    let hallucinated = side(2, 12, 1.0, 0.0);
    factual.sequences[3].channel_mean[0] = f64::NAN;
    let found = contrast(&factual, &hallucinated, &element());
    assert_eq!(found.auroc.value, None);
}

#[test]
fn a_planted_difference_is_told_apart() {
    let found = contrast(&side(1, 80, 1.0, 0.0), &side(2, 80, 1.6, 0.0), &element());
    assert_eq!(found.distinguishable, Some(true));
    // Variance grows by 1.6² and, ε being absolute, sparsity falls by about 1.6.
    let expected = (1.6f64.powi(3)).ln();
    assert!(
        (found.ln_eavss.value.unwrap() - expected).abs() < 0.2,
        "{found:?}"
    );
}

#[test]
fn answers_that_do_not_differ_are_not_told_apart() {
    let mut apart = 0;
    for seed in 0..40 {
        let found = contrast(
            &side(2 * seed, 60, 1.0, 0.0),
            &side(2 * seed + 1, 60, 1.0, 0.0),
            &element(),
        );
        apart += usize::from(found.distinguishable == Some(true));
    }
    // 5 % of 40 are 2; 7 or more come by chance once in 300 times.
    assert!(apart < 7, "{apart} of 40");
}

#[test]
fn the_probe_reads_what_is_there_and_nothing_else() {
    let auroc =
        |shift: f32| contrast(&side(3, 60, 1.0, shift), &side(4, 60, 1.0, 0.0), &element()).auroc;
    let there: Estimate = auroc(8.0);
    assert!(
        there.value.unwrap() > 0.999 && there.excludes(0.5) == Some(true),
        "{there:?}"
    );
    let nothing = auroc(0.0);
    assert!((nothing.value.unwrap() - 0.5).abs() < 0.12, "{nothing:?}");
}

#[test]
fn shuffled_labels_take_the_difference_away() {
    let (factual, hallucinated) = (side(5, 80, 1.0, 0.0), side(6, 80, 1.6, 6.0));
    let questions = questions(80);
    let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
    let found = shuffled_labels(&[&factual], &[&hallucinated], &questions, &element()).unwrap();
    let plain = contrast(&factual, &hallucinated, &element());
    assert!(
        found.propensity.unwrap() < 0.3 * plain.propensity.unwrap(),
        "{found:?}"
    );
    assert!(
        found.distinguishable.unwrap() <= 0.25 && (found.auroc.unwrap() - 0.5).abs() < 0.1,
        "{found:?}"
    );
}

/// What the labels of each shuffle are is known, so that its figures are those of a contrast of these very sides.
#[test]
fn shuffled_labels_are_contrasts_of_swapped_sides() {
    let (factual, hallucinated) = (answers(5, 30, 1.0, 0.0), answers(6, 30, 1.6, 3.0));
    let questions = questions(30);
    let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
    let options = ContrastOptions {
        shuffles: 3,
        seed: 11,
        epsilon: Epsilon::Absolute(0.3),
        // As many as a shuffle has.
        resamples: 200,
        ..element()
    };
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let plain: Vec<LayerContrast> = (0..3)
        .map(|_| {
            let (mut a, mut b) = (factual.clone(), hallucinated.clone());
            for (a, b) in a.iter_mut().zip(&mut b) {
                if random.random::<bool>() {
                    std::mem::swap(a, b);
                }
            }
            let [a, b] = [a, b].map(|side| measured(&side, Some(0.3)));
            contrast(&a, &b, &options)
        })
        .collect();
    let sides = [&factual, &hallucinated].map(|side| measured(side, Some(0.3)));
    let found = shuffled_labels(&[&sides[0]], &[&sides[1]], &questions, &options).unwrap();
    let mean = |value: fn(&LayerContrast) -> f64| plain.iter().map(value).sum::<f64>() / 3.0;
    let close = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-12;
    assert!(close(found.propensity, mean(|one| one.propensity.unwrap())));
    assert!(close(found.auroc, mean(|one| one.auroc.value.unwrap())));
    let apart = mean(|one| f64::from(u8::from(one.distinguishable.unwrap())));
    assert!(close(found.distinguishable, apart));
}

#[test]
fn what_no_shuffle_defines_is_not_told() {
    let nan = vec![vec![f32::NAN; CHANNELS]; 4];
    let side = measured(&nan, None);
    let questions = ["a", "b", "c", "d"];
    let found = shuffled_labels(&[&side], &[&side], &questions, &element()).unwrap();
    assert_eq!((found.propensity, found.distinguishable), (None, None));
}

/// Answers of one question are in one fold: a probe that had seen the question would read it off.
#[test]
fn a_question_is_never_parted() {
    let (factual, hallucinated) = (side(7, 40, 1.0, 0.0), side(8, 40, 1.0, 0.0));
    // Every question twice, with the same states: leaking folds would tell them by heart.
    let twice = |side: &TapStatistics| TapStatistics {
        sequences: [side.sequences.clone(), side.sequences.clone()].concat(),
    };
    let questions = [questions(40), questions(40)].concat();
    let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
    let found = contrast_layers(
        &[&twice(&factual)],
        &[&twice(&hallucinated)],
        &questions,
        &element(),
    );
    let auroc = found.unwrap().layers[0].auroc.value.unwrap();
    assert!(auroc < 0.65, "{auroc}");
}

#[test]
fn few_pairs_are_not_told_apart() {
    for (pairs, expected) in [(9, None), (10, Some(true))] {
        let found = contrast(
            &side(1, pairs, 1.0, 0.0),
            &side(2, pairs, 3.0, 0.0),
            &element(),
        );
        assert_eq!(found.ln_eavss.excludes(0.0), Some(true));
        assert_eq!(found.distinguishable, expected, "{pairs}");
    }
}

#[test]
fn what_cannot_be_contrasted_is_refused() {
    let none: [&TapStatistics; 0] = [];
    let no_answers = [&TapStatistics::default()];
    // No layers, no answers, neither.
    for (side, questions) in [
        (&none[..], &["a"][..]),
        (&no_answers[..], &[]),
        (&none[..], &[]),
    ] {
        let refused = contrast_layers(side, side, questions, &element());
        assert_eq!(refused, Err(ScoreError::NothingMeasured));
    }
    let one = side(1, 4, 1.0, 0.0);
    for confidence in [0.0, 1.0] {
        let options = ContrastOptions {
            confidence,
            ..element()
        };
        let refused = contrast_layers(&[&one], &[&one], &["a", "b", "c", "d"], &options);
        assert_eq!(refused, Err(ScoreError::Confidence(confidence)));
    }
    for (resamples, is_too_many) in [(100_000, false), (100_001, true)] {
        let options = ContrastOptions {
            resamples,
            ..element()
        };
        let found = contrast_layers(&[&one], &[&one], &["a", "b", "c", "d"], &options);
        let refused = found == Err(ScoreError::Resamples(resamples));
        assert_eq!(refused, is_too_many);
    }
}

/// Pairs whose margins are known: two layers, three pairs.
fn losses() -> AnswerLosses {
    AnswerLosses {
        factual: LayerLosses {
            tokens: vec![2, 1, 4],
            whole: vec![2.0, 3.0, 4.0],
            without: vec![vec![1.0, 3.0, 4.0], vec![4.0, 5.0, 8.0]],
        },
        hallucinated: LayerLosses {
            tokens: vec![4, 2, 4],
            whole: vec![6.0, 2.0, 8.0],
            without: vec![vec![8.0, 3.0, 8.0], vec![4.0, 2.0, 6.0]],
        },
    }
}

#[test]
fn margins_are_differences_of_log_probabilities() {
    let options = ContrastOptions {
        resamples: 50,
        ..ContrastOptions::default()
    };
    let margins = losses().margins(&options).unwrap();
    let near = |estimate: Estimate, expected: f64| {
        let value = estimate.value.unwrap();
        assert!((value - expected).abs() < 1e-12, "{value} {expected}");
        assert!(estimate.low.unwrap() <= value && value <= estimate.high.unwrap());
    };
    // By hand: -2 + 6, -3 + 2, -4 + 8.
    near(margins.summed, (4.0 - 1.0 + 4.0) / 3.0);
    near(
        margins.per_token,
        ((-1.0 + 1.5) + (-3.0 + 1.0) + (-1.0 + 2.0)) / 3.0,
    );
    let [first, second] = &margins.layers[..] else {
        unreachable!()
    };
    near(first.summed, ((7.0 - 4.0) + (0.0 + 1.0) + 0.0) / 3.0);
    near(first.per_token, (0.5 + 0.5 + 0.5 + 0.0) / 3.0);
    near(
        second.summed,
        ((0.0 - 4.0) + (-3.0 + 1.0) + (-2.0 - 4.0)) / 3.0,
    );
    assert_eq!((first.rank, second.rank), (Some(1), Some(2)));
}

#[test]
fn what_needs_no_layer_is_told_by_itself() {
    let controls = losses().controls(&ContrastOptions::default());
    // Of nine pairs of lengths 2 1 4 and 4 2 4 the factual one is longer in 1, equal in 3.
    assert_eq!(controls.length.value, Some((1.0 + 3.0 / 2.0) / 9.0));
    // -1, -3, -1 and -1.5, -1, -2: likelier in 2 of 3 twice, equal once each.
    assert_eq!(controls.log_probability.value, Some((2.0 * 2.5) / 9.0));
}

#[test]
fn losses_without_layers_give_no_margins() {
    let mut losses = losses();
    for side in [&mut losses.factual, &mut losses.hallucinated] {
        side.without = vec![Vec::new(); 2];
    }
    assert!(losses.is_sound(3, 2));
    assert_eq!(losses.margins(&ContrastOptions::default()), None);
    assert!(
        losses
            .controls(&ContrastOptions::default())
            .length
            .value
            .is_some()
    );
    let mut twice = losses.clone();
    twice.append(losses.clone());
    assert!(twice.is_sound(6, 2) && !twice.is_sound(3, 2) && !twice.is_sound(6, 3));
}

/// Gains that order layers as propensity does, and the other way round; among the layers that were trained.
#[test]
fn what_training_brings_is_set_beside_what_was_said() {
    let layers: Vec<[TapStatistics; 2]> = (0..6u64)
        .map(|layer| {
            let deviation = 1.0 + 0.4 * layer as f32;
            [
                side(layer, 40, 1.0, 0.0),
                side(layer + 50, 40, deviation, 0.0),
            ]
        })
        .collect();
    let [factual, hallucinated] =
        [0, 1].map(|side: usize| layers.iter().map(|layer| &layer[side]).collect::<Vec<_>>());
    let names = questions(40);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let options = element();
    let found = contrast_layers(&factual, &hallucinated, &names, &options).unwrap();
    let signs = found.signs(&AnswerLosses::default());
    assert!(signs.agreement(options.confidence).is_none());
    let propensity = |layer: usize| found.layers[layer].propensity.unwrap();
    let with = |sign: f64, trained: &[usize]| {
        let gains = trained.iter().map(|&layer| {
            let gain = |pair: usize| sign * propensity(layer) + 1e-6 * pair as f64;
            (layer, (0..30).map(gain).collect())
        });
        signs.with_training(&gains.collect(), &options)
    };
    let all = with(1.0, &[0, 1, 2, 3, 4, 5]);
    assert_eq!((all.layers, all.eavss.value), (6, Some(1.0)));
    // Resamples of the pairs that signs are of may order layers otherwise.
    assert!(all.eavss.low.unwrap() > 0.5 && all.eavss.high == Some(1.0));
    assert!(all.margin_change.is_none());
    let some = with(-1.0, &[1, 3, 5]);
    assert_eq!((some.layers, some.eavss.value), (3, Some(-1.0)));
}
