//! What [`check`](crate::check) has a device compute.

use burn::tensor::{Device, Tensor, TensorData};

/// One operation's answer to a small question, and the right one.
pub(crate) struct Trial {
    pub operation: &'static str,
    /// Of the device.
    pub found: Tensor<1>,
    /// Of the definition on the processor.
    pub expected: Tensor<1>,
}

impl Trial {
    pub fn new<const D: usize>(
        operation: &'static str,
        found: Tensor<D>,
        expected: Tensor<D>,
    ) -> Self {
        Self {
            operation,
            found: found.flatten(0, D - 1),
            expected: expected.flatten(0, D - 1),
        }
    }
}

/// Numbers in −3 to 3 that follow no simple pattern; other ones for another `step`.
pub(crate) fn wave<const D: usize>(shape: [usize; D], step: f32, device: &Device) -> Tensor<D> {
    let value = |index: usize| ((index * index % 10_007) as f32 * step).sin() * 3.0;
    let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
