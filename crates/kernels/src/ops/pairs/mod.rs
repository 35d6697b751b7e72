//! Sums over channels, token by token, of how two hidden states differ. They are taken alone, or on the way of
//! [statistics](super::statistics), which reads one of the two anyway.
//!
//! The definition, in float64, is `layerlab_stats::reference::pair`.

pub(super) mod cpu;
pub(super) mod gpu;

use burn::{
    backend::{Backend, Dispatch, backend_extension, tensor::FloatTensor},
    tensor::Tensor,
};

/// Sums over channels for each token: `‖input‖²`, `‖output‖²`, `‖output + input‖²`,
/// `‖output − input‖²`.
pub(super) const PAIR_PARTS: usize = 4;

/// Tokens that one workgroup reads, and values that one unit holds of a channel.
pub(super) const CHUNK: usize = 16;
/// Units of a workgroup.
pub(super) const UNITS: usize = 64;

/// The sums `[batch, tokens, 4]` of two hidden states `[batch, tokens, channels]` in float32.
pub(super) fn pair_sums(input: Tensor<3>, output: Tensor<3>) -> Tensor<3> {
    let (input, output) = (input.into_dispatch(), output.into_dispatch());
    Tensor::from_dispatch(<Dispatch as PairOps>::pair_sums(input, output))
}

#[backend_extension(Cube, Flex)]
pub(crate) trait PairOps: Backend {
    fn pair_sums(input: FloatTensor<Self>, output: FloatTensor<Self>) -> FloatTensor<Self>;
}
