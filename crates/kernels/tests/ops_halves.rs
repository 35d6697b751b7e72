//! Weights that are held at two bytes a value: what they come to is what the same weights come to as float32.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use burn::tensor::{DType, Device, Tensor};
use layerlab_kernels::ops::{
    linear::linear,
    log_probabilities::{self, log_sums},
};
use proptest::prelude::*;
use support::{
    devices,
    tensors::{random, same, values},
};

/// A weight `[inputs, outputs]` of two bytes a value, and the same as float32.
fn weights(shape: [usize; 2], transposed: bool, dtype: DType, seed: u32) -> [Tensor<2>; 2] {
    let device = Device::flex();
    let [inputs, outputs] = shape;
    let held = match transposed {
        true => random([outputs, inputs], seed, 1.0, &device)
            .cast(dtype)
            .transpose(),
        false => random([inputs, outputs], seed, 1.0, &device).cast(dtype),
    };
    let same = held.clone().cast(DType::F32);
    assert_eq!(held.dtype(), dtype);
    [held, same]
}

fn dtype() -> impl Strategy<Value = DType> {
    prop_oneof![Just(DType::F16), Just(DType::BF16)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// From one row to more than many, and from one panel to several.
    #[test]
    fn linear_maps(
        rows in prop_oneof![1usize..4, 14usize..20, 60usize..70],
        inputs in prop_oneof![1usize..40, 120usize..140, Just(700)],
        outputs in prop_oneof![1usize..40, 120usize..140, Just(1_100)],
        (transposed, biased) in any::<(bool, bool)>(),
        dtype in dtype(),
        seed in 0u32..1000,
    ) {
        let device = Device::flex();
        let input = random([1, rows, inputs], seed, 1.0, &device);
        let [held, full] = weights([inputs, outputs], transposed, dtype, seed + 1);
        let bias = biased.then(|| random([outputs], seed + 2, 1.0, &device));
        let expected = linear(input.clone(), full, bias.clone());
        // As the maps of float32 and their definition: sums are taken in another order.
        same(linear(input, held, bias), expected, 3e-5, "cpu")?;
    }

    #[test]
    fn gradients(rows in 1usize..40, inputs in 1usize..40, outputs in 1usize..40, dtype in dtype(), seed in 0u32..1000) {
        let device = Device::flex().autodiff();
        let [held, full] = weights([inputs, outputs], true, dtype, seed + 1);
        let [of_held, of_full] = [held, full].map(|weight| {
            let input = random([1, rows, inputs], seed, 1.0, &device).require_grad();
            let dtype = weight.dtype();
            let weight = Tensor::from_data(weight.into_data(), (&device, dtype));
            let output = linear(input.clone(), weight, None);
            let gradients = output.square().sum().backward();
            input.grad(&gradients).unwrap()
        });
        same(of_held, of_full, 1e-5, "gradient")?;
    }

    #[test]
    fn sums_of_logits(rows in 1usize..40, columns in 1usize..300, scale in 0.1f32..30.0, seed in 0u32..1000) {
        let logits = |device: &Device| random([rows, columns], seed, scale, device);
        let expected = log_probabilities::reference::log_sums(logits(&Device::flex()));
        for (name, device) in devices() {
            same(log_sums(logits(&device)), expected.clone(), 1e-5, name)?;
        }
    }
}

/// A part of a weight that lies otherwise than any that is loaded goes by the definition.
#[test]
fn narrowed_weights_are_multiplied_as_well() {
    let device = Device::flex();
    let [held, full] = weights([30, 40], false, DType::F16, 7);
    let input = random([1, 20, 30], 8, 1.0, &device);
    let expected = linear(input.clone(), full.narrow(1, 3, 20), None);
    let found = linear(input, held.narrow(1, 3, 20), None);
    same(found, expected, 1e-5, "narrowed").unwrap();
}

#[test]
fn rows_that_no_token_can_follow_sum_to_nothing() {
    let device = Device::flex();
    let none = Tensor::<2>::full([2, 5], f32::NEG_INFINITY, &device);
    assert!(
        values(log_sums(none))
            .iter()
            .all(|sum| *sum == f32::NEG_INFINITY)
    );
}
