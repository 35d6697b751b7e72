//! Root mean square normalisation.

mod cpu;
mod gpu;
pub mod reference;

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, autodiff::checkpoint::strategy::CheckpointStrategy,
        backend_extension, tensor::FloatTensor,
    },
    tensor::{Device, Tensor},
};

use super::{
    trial::{Trial, wave},
    wrapped::Wrapped,
};

/// `hidden` `[…, channels]`, each row over its root mean square, times `gamma` `[channels]`. `epsilon` is added to the mean
/// square before the root.
///
/// # Panics
/// Where the last dimension of `hidden` is not that of `gamma`.
pub fn rms<const D: usize>(hidden: Tensor<D>, gamma: Tensor<1>, epsilon: f64) -> Tensor<D> {
    let (hidden, gamma) = (hidden.into_dispatch(), gamma.into_dispatch());
    Tensor::from_dispatch(<Dispatch as NormOps>::rms::<D>(hidden, gamma, epsilon))
}

#[backend_extension(Cube, Flex, Autodiff)]
pub(crate) trait NormOps: Wrapped {
    /// Of a tensor of rank `D`.
    fn rms<const D: usize>(
        hidden: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        by_definition::<Self, D>(hidden, gamma, epsilon)
    }
}

impl<B: Backend, C: CheckpointStrategy> NormOps for Autodiff<B, C> where Self: Wrapped {}

fn by_definition<B: Wrapped, const D: usize>(
    hidden: FloatTensor<B>,
    gamma: FloatTensor<B>,
    epsilon: f64,
) -> FloatTensor<B> {
    let (hidden, gamma) = (B::wrap::<D>(hidden), B::wrap(gamma));
    B::own(reference::rms(hidden, gamma, epsilon))
}

/// Rows wider than a workgroup.
pub(crate) fn trial(device: &Device) -> Trial {
    let inputs = |device| (wave([3, 70], 0.37, device), wave([70], 0.61, device));
    let ((hidden, gamma), (other, scale)) = (inputs(device), inputs(&Device::flex()));
    let expected = reference::rms::<2>(other, scale, 1e-5);
    Trial::new("norm", rms(hidden, gamma, 1e-5), expected)
}
