//! Heads out of projected channels, and their rotary positions (RoFormer, arXiv 2104.09864).

mod cpu;
mod gpu;
pub mod reference;
mod rotation;

pub use rotation::Rotation;

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

/// `[batch, tokens, heads * dim]` to `[batch, heads, tokens, dim]`.
///
/// # Panics
/// Where the channels are not so many heads of one size.
pub fn split_heads(projected: Tensor<3>, heads: usize) -> Tensor<4> {
    let split = <Dispatch as HeadOps>::split_heads(projected.into_dispatch(), heads);
    Tensor::from_dispatch(split)
}

/// The same, with the first `2 * pairs` channels of every head turned by the angles of its token: channel i makes a pair
/// with channel i + `pairs`.
///
/// # Panics
/// Where the channels are not so many heads of one size, or the rotation is of other tokens.
pub fn rotated_heads(projected: Tensor<3>, heads: usize, rotation: &Rotation) -> Tensor<4> {
    let (cosines, sines) = rotation.tensors();
    Tensor::from_dispatch(<Dispatch as HeadOps>::rotated_heads(
        projected.into_dispatch(),
        cosines.into_dispatch(),
        sines.into_dispatch(),
        heads,
    ))
}

#[backend_extension(Cube, Flex, Autodiff)]
pub(crate) trait HeadOps: Wrapped {
    fn split_heads(projected: FloatTensor<Self>, heads: usize) -> FloatTensor<Self> {
        split_by_definition::<Self>(projected, heads)
    }

    /// Cosines and sines are `[batch, 1, tokens, pairs]`.
    fn rotated_heads(
        projected: FloatTensor<Self>,
        cosines: FloatTensor<Self>,
        sines: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self> {
        rotated_by_definition::<Self>(projected, cosines, sines, heads)
    }
}

impl<B: Backend, C: CheckpointStrategy> HeadOps for Autodiff<B, C> where Self: Wrapped {}

fn split_by_definition<B: Wrapped>(projected: FloatTensor<B>, heads: usize) -> FloatTensor<B> {
    B::own(reference::split_heads(B::wrap(projected), heads))
}

fn rotated_by_definition<B: Wrapped>(
    projected: FloatTensor<B>,
    cosines: FloatTensor<B>,
    sines: FloatTensor<B>,
    heads: usize,
) -> FloatTensor<B> {
    let split = reference::split_heads(B::wrap(projected), heads);
    let rotated = reference::rotated(split, B::wrap(cosines), B::wrap(sines));
    B::own(rotated)
}

/// Heads of which some channels are not rotated.
pub(crate) fn trial(device: &Device) -> Trial {
    let angles: Vec<f64> = (0..2 * 5 * 3).map(|place| f64::from(place) * 0.7).collect();
    let inputs = |device| {
        let rotation = Rotation::new(&angles, [2, 5], device);
        (wave([2, 5, 3 * 8], 0.37, device), rotation)
    };
    let ((projected, rotation), (other, turned)) = (inputs(device), inputs(&Device::flex()));
    let expected = reference::rotated_heads(other, 3, &turned);
    let found = rotated_heads(projected, 3, &rotation);
    Trial::new("rotated heads", found, expected)
}
