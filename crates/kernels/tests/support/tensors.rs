//! Tensors of numbers without a pattern, and when two are the same.

use burn::tensor::{Device, Tensor, TensorData};
use proptest::test_runner::TestCaseError;

/// Numbers in −`scale` to `scale` without a pattern.
pub fn numbers(count: usize, seed: u32, scale: f32) -> Vec<f32> {
    let scrambled = |index: u32| (index ^ seed).wrapping_mul(0x9e37_79b9).rotate_left(13);
    let numbers = (0..count as u32).map(|index| scrambled(scrambled(index).wrapping_add(seed)));
    numbers
        .map(|bits| (bits as f32 / 2f32.powi(31) - 1.0) * scale)
        .collect()
}

pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

pub fn random<const D: usize>(
    shape: [usize; D],
    seed: u32,
    scale: f32,
    device: &Device,
) -> Tensor<D> {
    tensor(numbers(shape.iter().product(), seed, scale), shape, device)
}

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

/// Whether both are no number, the same infinity, or equal to so many shares of 1 or of their size.
pub fn agree(found: f32, expected: f32, tolerance: f32) -> bool {
    if expected.is_finite() {
        (found - expected).abs() <= tolerance * expected.abs().max(1.0)
    } else {
        found == expected || found.is_nan() && expected.is_nan()
    }
}

/// # Errors
/// With the first place where they differ.
pub fn same<const D: usize>(
    found: Tensor<D>,
    expected: Tensor<D>,
    tolerance: f32,
    what: &str,
) -> Result<(), TestCaseError> {
    if found.dims() != expected.dims() {
        let shapes = format!("{:?} for {:?}", found.dims(), expected.dims());
        return Err(TestCaseError::fail(format!("{what}: {shapes}")));
    }
    let pairs = values(found).into_iter().zip(values(expected));
    for (place, (found, expected)) in pairs.enumerate() {
        if !agree(found, expected, tolerance) {
            let numbers = format!("{found} for {expected}");
            return Err(TestCaseError::fail(format!("{what}, {place}: {numbers}")));
        }
    }
    Ok(())
}
