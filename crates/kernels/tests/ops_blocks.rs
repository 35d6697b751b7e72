//! Weights that stay in the blocks of their file: what they come to is what the same weights come to as float32.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use burn::tensor::{Device, Tensor};
use layerlab_kernels::ops::linear::{Blocks, StoredWeight, linear, linear_of_stored};
use layerlab_stored::StoredType;
use proptest::prelude::*;
use support::{
    devices,
    tensors::{random, same, values},
};

const TYPES: [StoredType; 12] = [
    StoredType::Q4_0,
    StoredType::Q4_1,
    StoredType::Q5_0,
    StoredType::Q5_1,
    StoredType::Q8_0,
    StoredType::Q2K,
    StoredType::Q3K,
    StoredType::Q4K,
    StoredType::Q5K,
    StoredType::Q6K,
    StoredType::Iq4Nl,
    StoredType::Iq4Xs,
];

/// Any bytes whose half-precision numbers are below 2.
fn blocks(stored: StoredType, outputs: usize, row_blocks: usize, seed: u32) -> Blocks {
    let block = stored.block().unwrap();
    let count = outputs * row_blocks * block.bytes;
    let scrambled = |index: u32| (index ^ seed).wrapping_mul(0x9e37_79b9).rotate_left(13);
    let bytes = (0..count as u32).map(|index| (scrambled(scrambled(index)) >> 8) as u8 & 0x3f);
    Blocks::new(
        stored,
        bytes.collect(),
        [outputs, row_blocks * block.values],
    )
    .unwrap()
}

fn stored() -> impl Strategy<Value = StoredType> {
    (0..TYPES.len()).prop_map(|index| TYPES[index])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// From one row to more than many, from one block to several, and from one panel to several.
    #[test]
    fn linear_maps_and_gradients(
        rows in prop_oneof![1usize..4, 14usize..20, 60usize..70],
        row_blocks in 1usize..4,
        outputs in prop_oneof![1usize..40, 120usize..140, Just(1_100)],
        biased in any::<bool>(),
        stored in stored(),
        seed in 0u32..1000,
    ) {
        let weight = blocks(stored, outputs, row_blocks, seed);
        let inputs = weight.shape()[1];
        // So that numbers are about 1: scales of K types make them large.
        let squares = weight.tensor(&Device::flex()).square().mean().into_scalar::<f32>();
        let size = |summed: usize| 1.0 / (squares * summed as f32).sqrt().max(1e-3);
        for (name, device) in devices() {
            let device = device.autodiff();
            let [found, expected] = [true, false].map(|in_blocks| {
                let input = random([1, rows, inputs], seed, size(inputs), &device).require_grad();
                let bias = biased.then(|| random([outputs], seed + 2, 1.0, &device));
                let output = match in_blocks {
                    true => {
                        let weight = StoredWeight::from(weight.clone());
                        linear_of_stored(input.clone(), &weight, bias)
                    }
                    false => linear(input.clone(), weight.tensor(&device).transpose(), bias),
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
    fn parts_are_the_same_rows(outputs in 2usize..40, stored in stored(), seed in 0u32..1000) {
        let device = Device::flex();
        let weight = blocks(stored, outputs, 2, seed);
        let all = weight.tensor(&device);
        let first = seed as usize % outputs;
        let narrow = weight.narrow(first..outputs + 3);
        prop_assert_eq!(narrow.shape()[0], outputs - first);
        let expected = values(all.clone().narrow(0, first, outputs - first));
        prop_assert_eq!(values(narrow.tensor(&device)), expected);
        // The last row and the first.
        let ends = [outputs - 1, 0];
        let expected = Tensor::cat(ends.map(|row| all.clone().narrow(0, row, 1)).into(), 0);
        let expected = values(expected);
        prop_assert_eq!(values(weight.taken(&ends).tensor(&device)), expected.clone());
        prop_assert_eq!(weight.rows(&ends.map(|row| row as u32)), expected.clone());
        // Of a part, rows are counted from its first.
        let within = narrow.taken(&[0]).rows(&[0]);
        prop_assert_eq!(within, values(all.narrow(0, first, 1)));
    }
}

/// What a file may claim, and what is no weight.
#[test]
fn bytes_that_are_no_such_matrix_are_none() {
    let new = |stored, bytes, shape| Blocks::new(stored, vec![0; bytes], shape);
    assert!(new(StoredType::Q8_0, 68, [2, 32]).is_some());
    assert!(new(StoredType::Q8_0, 67, [2, 32]).is_none(), "too few");
    assert!(new(StoredType::Q8_0, 69, [2, 32]).is_none(), "too many");
    assert!(new(StoredType::Q8_0, 68, [4, 16]).is_none(), "half blocks");
    assert!(new(StoredType::Q8_0, 0, [usize::MAX, 64]).is_none());
    let unread = StoredType::from(safetensors::Dtype::I64);
    assert!(new(unread, 16, [2, 1]).is_none(), "a type that is not read");
}
