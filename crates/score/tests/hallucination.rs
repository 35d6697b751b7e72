#![allow(missing_docs, clippy::unwrap_used)]
//! Contrasts of planted and of absent differences.

use layerlab_score::{
    ContrastOptions, Estimate, LayerContrast, ScoreError, contrast_layers, shuffled_labels,
};
use layerlab_stats::{Epsilon, Estimator, SequenceStatistics, TapStatistics, reference};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CHANNELS: usize = 16;

/// Answers of one to four tokens: noise of this deviation around `shift` in the first channel.
fn side(seed: u64, answers: usize, deviation: f32, shift: f32) -> TapStatistics {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = || (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0;
    let sequences = (0..answers).map(|answer| {
        let tokens = 1 + answer % 4;
        let values: Vec<f32> = (0..tokens * CHANNELS)
            .map(|place| normal() * deviation + if place % CHANNELS == 0 { shift } else { 0.0 })
            .collect();
        reference::sequence(&values, CHANNELS, &vec![true; tokens], None)
    });
    TapStatistics {
        sequences: sequences.collect::<Vec<SequenceStatistics>>(),
    }
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
    found.remove(0)
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
    let (factual, hallucinated) = (side(1, 40, 1.0, 0.0), side(2, 40, 1.5, 0.0));
    for options in [element(), ContrastOptions::default()] {
        let found = contrast(&factual, &hallucinated, &options);
        let ones = vec![1; 40];
        let variance = |side: &TapStatistics| side.variance(options.estimator, &ones);
        let sparsity = |side: &TapStatistics| side.sparsity(options.epsilon, &ones).floored;
        let hsav = variance(&hallucinated) / variance(&factual);
        let hss = sparsity(&hallucinated) / sparsity(&factual);
        assert!((found.hsav.value.unwrap() - hsav).abs() < 1e-9);
        assert!((found.hss.value.unwrap() - hss).abs() < 1e-9);
        assert!((found.ln_eavss.value.unwrap() - (hsav / hss).ln()).abs() < 1e-9);
        assert_eq!(found.propensity, found.ln_eavss.value.map(f64::abs));
    }
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
        found.propensity < 0.3 * plain.propensity.unwrap(),
        "{found:?}"
    );
    assert!(
        found.distinguishable <= 0.25 && (found.auroc - 0.5).abs() < 0.1,
        "{found:?}"
    );
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
    let auroc = found.unwrap()[0].auroc.value.unwrap();
    assert!(auroc < 0.65, "{auroc}");
}

#[test]
fn what_cannot_be_contrasted_is_refused() {
    let none: [&TapStatistics; 0] = [];
    let refused = contrast_layers(&none, &none, &[], &element());
    assert_eq!(refused, Err(ScoreError::NothingMeasured));
    let options = ContrastOptions {
        confidence: 1.0,
        ..element()
    };
    let one = side(1, 4, 1.0, 0.0);
    let refused = contrast_layers(&[&one], &[&one], &["a", "b", "c", "d"], &options);
    assert_eq!(refused, Err(ScoreError::Confidence(1.0)));
}
