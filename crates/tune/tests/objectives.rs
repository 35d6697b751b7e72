#![allow(missing_docs, clippy::unwrap_used)]
//! Gradients of every objective against finite differences of the same formula in float64.

use burn::tensor::{Device, Tensor, TensorData};
use layerlab_tune::{contrast, information_noise, margin, preference};

const STEP: f64 = 1e-5;

fn tensor<const D: usize>(values: &[f64], shape: [usize; D]) -> Tensor<D> {
    let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    let device = Device::flex().autodiff();
    Tensor::from_data(TensorData::new(values, shape), &device).require_grad()
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// Compares a gradient with central differences of `formula`.
fn check<const D: usize>(
    values: &[f64],
    shape: [usize; D],
    loss: impl Fn(Tensor<D>) -> Tensor<1>,
    formula: impl Fn(&[f64]) -> f64,
) {
    let input = tensor(values, shape);
    let found = loss(input.clone());
    let value = numbers(found.clone())[0];
    assert!(
        (value - formula(values)).abs() < 1e-5,
        "{value} {}",
        formula(values)
    );
    let gradients = numbers(input.grad(&found.backward()).unwrap());
    for (place, gradient) in gradients.iter().enumerate() {
        let moved = |by: f64| {
            let mut moved = values.to_vec();
            moved[place] += by;
            formula(&moved)
        };
        let difference = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        assert!(
            (gradient - difference).abs() < 1e-4,
            "{place}: {gradient} {difference}"
        );
    }
}

const LIKELIHOODS: [f64; 6] = [-3.0, -7.5, -2.0, -4.2, -6.0, -1.1];

fn contrasts(values: &[f64]) -> Vec<f64> {
    (0..3).map(|pair| values[pair] - values[pair + 3]).collect()
}

#[test]
fn the_margin_is_a_hinge() {
    let formula = |values: &[f64]| {
        contrasts(values)
            .iter()
            .map(|contrast| (2.0 - contrast).max(0.0))
            .sum::<f64>()
            / 3.0
    };
    check(
        &LIKELIHOODS,
        [6],
        |found| margin(contrast(found), 2.0),
        formula,
    );
}

#[test]
fn preference_is_measured_from_the_frozen_model() {
    let frozen = [0.4, -2.0, 1.0];
    let formula = |values: &[f64]| {
        let terms = contrasts(values);
        let terms = terms.iter().zip(frozen).map(|(contrast, frozen)| {
            let gain: f64 = 0.7 * (contrast - frozen);
            (1.0 + (-gain).exp()).ln()
        });
        terms.sum::<f64>() / 3.0
    };
    let loss = |found| {
        let frozen = tensor(&frozen, [3]).detach();
        preference(contrast(found), frozen, 0.7)
    };
    check(&LIKELIHOODS, [6], loss, formula);
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn information_noise_contrasts_directions() {
    // Two prompts and four answers in three channels: factual, factual, hallucinated, hallucinated.
    let prompts = [0.3, -1.0, 0.5, 1.2, 0.1, -0.7];
    let answers = [
        0.9, 0.2, -0.4, -0.3, 0.8, 0.6, 1.1, -0.9, 0.4, 0.2, 0.5, -1.3,
    ];
    let formula = |prompts: &[f64], answers: &[f64]| {
        let loss = |pair: usize| {
            let near = |answer: usize| {
                let answer = &answers[3 * answer..3 * answer + 3];
                (cosine(&prompts[3 * pair..3 * pair + 3], answer) / 0.5).exp()
            };
            -(near(pair) / (near(pair) + near(2) + near(3))).ln()
        };
        (loss(0) + loss(1)) / 2.0
    };
    check(
        &answers,
        [4, 3],
        |found| information_noise(tensor(&prompts, [2, 3]).detach(), found, 0.5),
        |answers| formula(&prompts, answers),
    );
    check(
        &prompts,
        [2, 3],
        |found| information_noise(found, tensor(&answers, [4, 3]).detach(), 0.5),
        |prompts| formula(prompts, &answers),
    );
}

/// e to a cosine over 0.005 is e^200, beyond what float32 holds.
#[test]
fn information_noise_bears_low_temperatures() {
    let prompts = [0.3, -1.0, 0.5, 1.2, 0.1, -0.7];
    // The first prompt's own answer is opposite to it, a hallucinated one alike.
    let answers = [
        -0.3, 1.0, -0.5, -0.3, 0.8, 0.6, 0.3, -1.0, 0.5, 0.2, 0.5, -1.3,
    ];
    let temperature = 0.005;
    let loss = |pair: usize| {
        let prompt = &prompts[3 * pair..3 * pair + 3];
        let near =
            |answer: usize| cosine(prompt, &answers[3 * answer..3 * answer + 3]) / temperature;
        let all = [near(pair), near(2), near(3)];
        let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most + all.iter().map(|one| (one - most).exp()).sum::<f64>().ln() - near(pair)
    };
    let expected = (loss(0) + loss(1)) / 2.0;
    assert!(expected > 200.0, "{expected}");
    let input = tensor(&answers, [4, 3]);
    let found = information_noise(
        tensor(&prompts, [2, 3]).detach(),
        input.clone(),
        temperature,
    );
    let value = numbers(found.clone())[0];
    assert!((value / expected - 1.0).abs() < 1e-4, "{value} {expected}");
    let gradients = numbers(input.grad(&found.backward()).unwrap());
    assert!(
        gradients.iter().all(|gradient| gradient.is_finite()),
        "{gradients:?}"
    );
    assert!(
        gradients.iter().any(|gradient| gradient.abs() > 1.0),
        "{gradients:?}"
    );
}
