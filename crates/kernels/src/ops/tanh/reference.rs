//! tanh by Burn's operations, where all that a device is asked for is near zero.

use std::f64::consts::FRAC_2_PI;

use burn::tensor::Tensor;

/// From here on, tanh is 1 in single precision.
const FAR: f32 = 10.0;

/// See [`soft_capped`](super::soft_capped).
pub fn soft_capped<const D: usize>(x: Tensor<D>, cap: f64) -> Tensor<D> {
    tanh(x.div_scalar(cap)).mul_scalar(cap)
}

/// See [`gelu_tanh`](super::gelu_tanh).
pub fn gelu_tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let cube = x.clone() * x.clone() * x.clone();
    let inner = (x.clone() + cube * 0.044715) * FRAC_2_PI.sqrt();
    x * (tanh(inner) + 1.0) * 0.5
}

/// Masks, and no clamping: on a GPU, that may make a number of NaN.
fn tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let above = x.clone().greater_elem(FAR);
    let below = x.clone().lower_elem(-FAR);
    x.mask_fill(above, FAR).mask_fill(below, -FAR).tanh()
}
