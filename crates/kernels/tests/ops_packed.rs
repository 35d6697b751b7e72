//! Weights that stay at two bytes a value on a GPU: what they come to is what the same weights come to as float32.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use burn::tensor::{Device, Tensor, TensorData};
use half::{bf16, f16};
use layerlab_kernels::ops::linear::{PackedHalves, StoredWeight, linear, linear_of_stored};
use layerlab_stored::StoredType;
use proptest::prelude::*;
use support::{
    devices,
    tensors::{random, same, values},
};

/// Values about 1 and what they are as bits, every hundredth below what is normal in half precision.
fn halves(stored: StoredType, count: usize, seed: u32) -> (Vec<u16>, Vec<f32>) {
    let values = values(random([1, count], seed, 1.0, &Device::flex()));
    let small = |place: usize| if place.is_multiple_of(100) { 1e-6 } else { 1.0 };
    let values = values
        .iter()
        .enumerate()
        .map(|(place, value)| value * small(place));
    values
        .map(|value| match stored {
            StoredType::F16 => (
                f16::from_f32(value).to_bits(),
                f16::from_f32(value).to_f32(),
            ),
            _ => (
                bf16::from_f32(value).to_bits(),
                bf16::from_f32(value).to_f32(),
            ),
        })
        .unzip()
}

fn stored() -> impl Strategy<Value = StoredType> {
    prop_oneof![Just(StoredType::F16), Just(StoredType::BF16)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Few rows and many, odd and even inputs.
    #[test]
    fn linear_maps_and_gradients(
        rows in prop_oneof![1usize..7, 60usize..70],
        inputs in 1usize..200,
        outputs in prop_oneof![1usize..40, 120usize..140],
        biased in any::<bool>(),
        stored in stored(),
        seed in 0u32..1000,
    ) {
        let (bits, plain) = halves(stored, outputs * inputs, seed);
        let size = |summed: usize| 1.0 / (summed as f32).sqrt();
        for (name, device) in devices() {
            let weight = PackedHalves::new(stored, &bits, [outputs, inputs], &device).unwrap();
            let weight = StoredWeight::from(weight);
            let device = device.autodiff();
            let [found, expected] = [true, false].map(|is_packed| {
                let input = random([1, rows, inputs], seed, size(inputs), &device).require_grad();
                let bias = biased.then(|| random([outputs], seed + 2, 1.0, &device));
                let output = match is_packed {
                    true => linear_of_stored(input.clone(), &weight, bias),
                    false => {
                        let plain = TensorData::new(plain.clone(), [outputs, inputs]);
                        let plain = Tensor::<2>::from_data(plain, &device);
                        linear(input.clone(), plain.transpose(), bias)
                    }
                };
                let gradients = output.clone().square().sum().backward();
                let gradient = input.grad(&gradients).unwrap() * size(outputs);
                (output.inner(), gradient)
            });
            same(found.0, expected.0, 3e-5, name)?;
            same(found.1, expected.1, 3e-5, name)?;
        }
    }

    #[test]
    fn values_are_those_of_the_file_to_the_last_bit(
        outputs in 2usize..40,
        inputs in 1usize..70,
        stored in stored(),
        seed in 0u32..1000,
    ) {
        let (bits, plain) = halves(stored, outputs * inputs, seed);
        let row = |row: usize| plain[row * inputs..(row + 1) * inputs].to_vec();
        for (_, device) in devices() {
            let part = |rows: std::ops::Range<usize>| {
                let bits = &bits[rows.start * inputs..rows.end * inputs];
                PackedHalves::new(stored, bits, [rows.len(), inputs], &device).unwrap()
            };
            let joined = PackedHalves::joined(vec![part(0..1), part(1..outputs)]).unwrap();
            let weight = StoredWeight::from(joined);
            prop_assert_eq!(weight.shape(), [outputs, inputs]);
            prop_assert_eq!(values(weight.values(&device)), plain.clone());
            let ends = weight.rows(&[outputs as u32 - 1, 0], &device);
            prop_assert_eq!(values(ends), [row(outputs - 1), row(0)].concat());
            let narrow = weight.narrow(1..outputs + 3);
            prop_assert_eq!(narrow.shape(), [outputs - 1, inputs]);
            prop_assert_eq!(values(narrow.values(&device)), plain[inputs..].to_vec());
        }
    }
}

#[test]
fn what_is_no_such_matrix_is_none() {
    let device = Device::flex();
    let new = |stored, count, shape| PackedHalves::new(stored, &vec![0; count], shape, &device);
    assert!(new(StoredType::F16, 6, [2, 3]).is_some());
    assert!(new(StoredType::F16, 5, [2, 3]).is_none(), "too few");
    assert!(new(StoredType::BF16, 7, [2, 3]).is_none(), "too many");
    assert!(new(StoredType::F32, 6, [2, 3]).is_none(), "another size");
    assert!(new(StoredType::F16, 0, [usize::MAX, 3]).is_none());
    assert!(PackedHalves::joined(Vec::new()).is_none());
}
