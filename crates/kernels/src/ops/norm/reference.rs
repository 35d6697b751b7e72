//! The norm by Burn's operations.

use burn::tensor::{DType, Tensor};

/// See [`rms`](super::rms). The same operations as Burn's `RmsNorm`, so that training sees the gradients of that.
pub fn rms<const D: usize>(hidden: Tensor<D>, gamma: Tensor<1>, epsilon: f64) -> Tensor<D> {
    let dtype = hidden.dtype();
    let squares = hidden.clone().cast(DType::F32).square();
    let rms = (squares.mean_dim(D - 1) + epsilon).sqrt();
    (hidden / rms.cast(dtype)) * gamma.unsqueeze()
}
