//! Every operation, on every device, equals its definition by Burn's operations on the processor.
//!
//! What float64 arithmetic says of single operations stands in `ops_float64.rs`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use burn::tensor::{DType, Device, Tensor};
use layerlab_kernels::ops::{
    divergence,
    gate::{self, silu_gate},
    heads::{self, Rotation, rotated_heads, split_heads},
    linear::{self, linear},
    log_probabilities::{self, log_probabilities},
    norm::{self, rms},
    tanh::{self, gelu_tanh, soft_capped},
};
use proptest::prelude::*;
use support::{
    Case as Activation, devices,
    tensors::{agree, numbers, random, same, tensor, values},
};

/// All devices, but a GPU, which the processor may have to imitate, for one case in four only.
fn devices_of(seed: u32) -> impl Iterator<Item = (&'static str, Device)> {
    let wanted = move |(name, _): &(&'static str, Device)| *name == "cpu" || seed.is_multiple_of(4);
    devices().into_iter().filter(wanted)
}

/// Sizes around those of vectors and workgroups.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        1usize..10,
        14usize..20,
        30usize..36,
        60usize..70,
        120usize..300
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn norms(batch in 1usize..4, tokens in 1usize..40, channels in size(), exponent in -4i32..5, seed in 0u32..1000) {
        let shape = [batch, tokens, channels];
        let inputs = |device: &Device| {
            (random(shape, seed, 10f32.powi(exponent), device), random([channels], seed + 1, 2.0, device))
        };
        let (hidden, gamma) = inputs(&Device::flex());
        let expected = norm::reference::rms(hidden, gamma, 1e-5);
        for (name, device) in devices_of(seed) {
            let (hidden, gamma) = inputs(&device);
            same(rms(hidden, gamma, 1e-5), expected.clone(), 1e-5, name)?;
            // Within heads.
            let (hidden, gamma) = inputs(&device);
            let found = rms(hidden.reshape([batch, tokens, 1, channels]), gamma, 1e-5);
            same(found.reshape(shape), expected.clone(), 1e-5, name)?;
        }
    }

    #[test]
    fn gates(batch in 1usize..4, tokens in 1usize..40, inner in size(), scale in 0.1f32..120.0, seed in 0u32..1000) {
        let shape = [batch, tokens, inner];
        let inputs = |device: &Device| (random(shape, seed, scale, device), random(shape, seed + 1, 2.0, device));
        let (gates, ups) = inputs(&Device::flex());
        let expected = gate::reference::silu_gate(gates, ups);
        for (name, device) in devices_of(seed) {
            let (gates, ups) = inputs(&device);
            same(silu_gate(gates, ups), expected.clone(), 1e-5, name)?;
        }
    }

    #[test]
    fn tanhs(batch in 1usize..4, tokens in 1usize..40, inner in size(), scale in 0.1f32..2000.0, seed in 0u32..1000) {
        let shape = [batch, tokens, inner];
        let numbers = |device: &Device| random(shape, seed, scale, device);
        let capped = tanh::reference::soft_capped(numbers(&Device::flex()), 2.5);
        let gelu = tanh::reference::gelu_tanh(numbers(&Device::flex()));
        for (name, device) in devices_of(seed) {
            same(soft_capped(numbers(&device), 2.5), capped.clone(), 1e-5, name)?;
            same(gelu_tanh(numbers(&device)), gelu.clone(), 1e-5, name)?;
        }
    }

    #[test]
    fn heads_of(
        (batch, tokens, count) in (1usize..4, 1usize..70, 1usize..5),
        (dim, share) in (1usize..40, 0usize..5),
        seed in 0u32..1000,
    ) {
        let dim = 2 * dim;
        // Some channels, or all, are rotated.
        let pairs = (dim / 2 * (share + 1) / 5).max(1);
        let angles = numbers(batch * tokens * pairs, seed, 100.0);
        let angles: Vec<f64> = angles.into_iter().map(f64::from).collect();
        let inputs = |device: &Device| {
            let projected = random([batch, tokens, count * dim], seed + 1, 3.0, device);
            (projected, Rotation::new(&angles, [batch, tokens], device))
        };
        let (projected, rotation) = inputs(&Device::flex());
        let split = heads::reference::split_heads(projected.clone(), count);
        let rotated = heads::reference::rotated_heads(projected, count, &rotation);
        for (name, device) in devices_of(seed) {
            let (projected, rotation) = inputs(&device);
            let found = rotated_heads(projected.clone(), count, &rotation);
            same(found, rotated.clone(), 1e-5, name)?;
            same(split_heads(projected, count), split.clone(), 0.0, name)?;
        }
    }

    #[test]
    fn linear_maps(
        (batch, tokens) in (1usize..4, 1usize..40),
        (inputs, outputs) in (size(), size()),
        (transposed, biased) in any::<(bool, bool)>(),
        seed in 0u32..1000,
    ) {
        let operands = |device: &Device| {
            let input = random([batch, tokens, inputs], seed, 1.0, device);
            // As it lies in memory, or as a transposed view.
            let weight = match transposed {
                true => random([outputs, inputs], seed + 1, 1.0, device).transpose(),
                false => random([inputs, outputs], seed + 1, 1.0, device),
            };
            (input, weight, biased.then(|| random([outputs], seed + 2, 1.0, device)))
        };
        let (input, weight, bias) = operands(&Device::flex());
        let expected = linear::reference::linear(input, weight, bias);
        for (name, device) in devices_of(seed) {
            let (input, weight, bias) = operands(&device);
            same(linear(input, weight, bias), expected.clone(), 3e-5, name)?;
        }
    }

    #[test]
    fn likelihoods(targets in 1usize..40, vocabulary in size(), scale in 0.1f32..30.0, seed in 0u32..1000) {
        let logits = |device: &Device| random([targets, vocabulary], seed, scale, device);
        let ids: Vec<i32> = (0..targets).map(|row| (row * 31 % vocabulary) as i32).collect();
        let expected = log_probabilities::reference::log_probabilities(logits(&Device::flex()), &ids);
        for (name, device) in devices_of(seed) {
            same(log_probabilities(logits(&device), &ids), expected.clone(), 1e-5, name)?;
        }
    }

    #[test]
    fn divergences_and_their_gradients(rows in 1usize..20, columns in size(), scale in 0.1f32..10.0, seed in 0u32..1000) {
        let logits = |device: &Device| [seed, seed + 1].map(|seed| random([rows, columns], seed, scale, device));
        let [wanted, found] = logits(&Device::flex());
        let (sums, by_found) = divergence::reference::divergences(wanted, found);
        for (name, device) in devices_of(seed) {
            let [wanted, found] = logits(&device);
            let (own_sums, own_by_found) = divergence::divergences(wanted.clone(), found);
            same(own_sums, sums.clone(), 3e-5, name)?;
            same(own_by_found, by_found.clone(), 1e-5, name)?;
            // From itself nothing is away, and nothing would bring it nearer.
            let (none, by_none) = divergence::divergences(wanted.clone(), wanted);
            same(none, sums.zeros_like(), 1e-6, name)?;
            same(by_none, by_found.zeros_like(), 1e-6, name)?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Both against `layerlab_stats::reference`, in float64.
    #[test]
    fn statistics_and_pairs(
        (batch, tokens, channels) in (1usize..4, 1usize..40, 2usize..140),
        padding in 0usize..8,
        at_the_left in any::<bool>(),
    ) {
        let real = |sequence: usize, token: usize| {
            let padding = (padding * sequence).min(tokens - 1);
            if at_the_left { token >= padding } else { token < tokens - padding }
        };
        let shape = [batch, tokens, channels];
        let input = Activation::normal(shape).masked(real);
        input.check();
        let output = Activation::new(shape, |random, _| 0.5 + 3.0 * random.uniform()).masked(real);
        support::check_pair(&input, &output);
    }
}

#[test]
fn a_number_that_is_none_spoils_its_row_and_no_other() {
    for (name, device) in devices() {
        let mut broken = numbers(3 * 33, 1, 1.0);
        broken[40] = f32::NAN;
        let hidden = tensor(broken, [1, 3, 33], &device);
        let found = values(rms(hidden, random([33], 2, 1.0, &device), 1e-5));
        for (place, value) in found.iter().enumerate() {
            assert_eq!(value.is_nan(), place / 33 == 1, "{name}, {place}");
        }
    }
}

/// On the processor: a GPU need not keep NaN and infinities.
#[test]
fn gates_of_extremes() {
    let extremes = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        -1e38,
        1e38,
        -90.0,
        0.0,
        -0.0,
        88.5,
    ];
    let shape = [1, 1, extremes.len()];
    let gates = tensor(extremes.to_vec(), shape, &Device::flex());
    let ups = tensor(vec![0.5; extremes.len()], shape, &Device::flex());
    // x / (1 + e^-x): of minus infinity, a quotient of infinities.
    let expected = [
        f32::NAN,
        f32::INFINITY,
        f32::NAN,
        0.0,
        5e37,
        0.0,
        0.0,
        0.0,
        44.25,
    ];
    let found = values(silu_gate(gates, ups));
    for (found, expected) in found.iter().zip(expected) {
        assert!(agree(*found, expected, 1e-5), "{found} for {expected}");
    }
}

/// On the processor, for the same reason: rows with NaN where no target looks, and with an infinite logit.
#[test]
fn likelihoods_under_broken_logits() {
    for vocabulary in [1, 7, 32, 1000, 9001] {
        let targets = 21;
        let mut logits = numbers(targets * vocabulary, 1, 30.0);
        logits[3 * vocabulary + vocabulary / 2] = f32::NAN;
        logits[5 * vocabulary + vocabulary / 2] = f32::INFINITY;
        let ids = (0..targets).map(|row| (row * 31 % vocabulary) as i32);
        let ids: Vec<i32> = ids.collect();
        let logits = tensor(logits, [targets, vocabulary], &Device::flex());
        let expected = log_probabilities::reference::log_probabilities(logits.clone(), &ids);
        let found = log_probabilities(logits, &ids);
        let broken = values(found.clone());
        assert!(broken[3].is_nan() && broken[5].is_nan(), "{vocabulary}");
        same(found, expected, 1e-5, &format!("of {vocabulary}")).unwrap();
    }
}

/// Where gradients are recorded, an operation is its definition, and so are its gradients.
#[test]
fn gradients_are_those_of_the_definition() {
    type Form = fn(Tensor<3>, Tensor<1>) -> Tensor<3>;
    let forms: [(&str, [Form; 2]); 2] = [
        (
            "norm",
            [
                |hidden, gamma| rms(hidden, gamma, 1e-5),
                |hidden, gamma| norm::reference::rms(hidden, gamma, 1e-5),
            ],
        ),
        (
            "gate",
            [
                |gate, up| silu_gate(gate.clone(), gate * up.unsqueeze()),
                |gate, up| gate::reference::silu_gate(gate.clone(), gate * up.unsqueeze()),
            ],
        ),
    ];
    for (name, device) in devices() {
        let device = device.autodiff();
        for (operation, forms) in forms {
            let [found, expected] = forms.map(|form| {
                let hidden = random([2, 5, 24], 1, 2.0, &device).require_grad();
                let factor = random([24], 2, 2.0, &device).require_grad();
                let output = form(hidden.clone(), factor.clone());
                let gradients = output.clone().square().sum().backward();
                let of_hidden = hidden.grad(&gradients).unwrap();
                let of_factor = factor.grad(&gradients).unwrap();
                [values(output), values(of_hidden), values(of_factor)]
            });
            assert_eq!(found, expected, "{name}, {operation}");
        }
    }
}

/// A tensor without gradients beside one with them is a constant.
#[test]
fn constants_may_stand_beside_what_is_watched() {
    for (name, device) in devices() {
        let hidden = random([2, 5, 24], 1, 2.0, &device);
        let gamma = random([24], 2, 2.0, &device.clone().autodiff()).require_grad();
        let gradients = rms(hidden, gamma.clone(), 1e-5).sum().backward();
        assert!(gamma.grad(&gradients).is_some(), "{name}");
    }
}

#[test]
fn numbers_that_are_not_float32_are_left_to_the_definition() {
    let wide = |seed| random([2, 5, 24], seed, 2.0, &Device::flex()).cast(DType::F64);
    let found = silu_gate(wide(1), wide(2));
    assert_eq!(found.dtype(), DType::F64);
    let expected = gate::reference::silu_gate(wide(1), wide(2));
    assert_eq!(found.into_data(), expected.into_data());
}
