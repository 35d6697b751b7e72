//! tanh, and GELU by it, of numbers of any size. Some drivers take e to both sides of tanh and divide infinities: Chromium's
//! software adapter finds NaN from 89 on.

mod cpu;
pub mod reference;

use burn::{
    backend::{
        Autodiff, Backend, Cube, Dispatch, autodiff::checkpoint::strategy::CheckpointStrategy,
        backend_extension, tensor::FloatTensor,
    },
    tensor::{Device, Tensor},
};

use super::{
    trial::{Trial, wave},
    wrapped::Wrapped,
};

/// `c · tanh(x / c)` of each number x, for a soft cap c above 0: a bound that no number exceeds. NaN stays.
pub fn soft_capped<const D: usize>(x: Tensor<D>, cap: f64) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as TanhOps>::soft_capped::<D>(
        x.into_dispatch(),
        cap,
    ))
}

/// GELU of each number by its approximation with tanh (Hendrycks and Gimpel, arXiv 1606.08415):
/// `x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))`.
pub fn gelu_tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as TanhOps>::gelu_tanh::<D>(x.into_dispatch()))
}

#[backend_extension(Cube, Flex, Autodiff)]
pub(crate) trait TanhOps: Wrapped {
    /// Of any rank.
    fn soft_capped<const D: usize>(x: FloatTensor<Self>, cap: f64) -> FloatTensor<Self> {
        Self::own(reference::soft_capped::<D>(Self::wrap(x), cap))
    }

    /// Of any rank.
    fn gelu_tanh<const D: usize>(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::own(reference::gelu_tanh::<D>(Self::wrap(x)))
    }
}

impl TanhOps for Cube {}

impl<B: Backend, C: CheckpointStrategy> TanhOps for Autodiff<B, C> where Self: Wrapped {}

/// Numbers far from zero among them.
pub(crate) fn trial(device: &Device) -> Trial {
    let inputs = |device| wave::<3>([1, 4, 30], 0.37, device) * 200.0;
    // All of about the same size, so that none hides another.
    let found = {
        let x = inputs(device);
        Tensor::cat(vec![soft_capped(x.clone(), 1.5), gelu_tanh(x) / 600.0], 1)
    };
    let expected = {
        let x = inputs(&Device::flex());
        let gelu = reference::gelu_tanh(x.clone()) / 600.0;
        Tensor::cat(vec![reference::soft_capped(x, 1.5), gelu], 1)
    };
    Trial::new("tanh", found, expected)
}
