//! Linear maps.

mod blocks;
mod by_stored;
mod cpu;
mod dots;
mod gradient;
mod halves;
mod matrix;
mod packed;
mod packed_gpu;
mod panels;
mod product;
pub mod reference;
mod stored_weight;
mod tiles;

pub use blocks::Blocks;
pub use by_stored::linear_of_stored;
pub(crate) use by_stored::{trial_of_blocks, trial_of_halves};
pub use packed::PackedHalves;
pub use stored_weight::StoredWeight;

use burn::{
    backend::{Cube, Dispatch, backend_extension, tensor::FloatTensor},
    tensor::{Device, Tensor},
};

use super::{
    trial::{Trial, wave},
    wrapped::Wrapped,
};

/// `input` `[batch, tokens, inputs]` times `weight` `[inputs, outputs]`, plus `bias` `[outputs]`. The weight may be a
/// transposed view, as a checkpoint stores it: it is read as it lies. Where it is of two bytes a value, it stays so, and the
/// product is that of float32.
///
/// # Panics
/// Where these shapes do not go together.
pub fn linear(input: Tensor<3>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<3> {
    let (input, weight) = (input.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(match bias {
        None => <Dispatch as LinearOps>::linear(input, weight),
        Some(bias) => <Dispatch as LinearOps>::affine(input, weight, bias.into_dispatch()),
    })
}

/// Two, since an extension takes no optional tensors.
#[backend_extension(Cube, Flex, Autodiff)]
pub(crate) trait LinearOps: Wrapped {
    /// Without a bias.
    fn linear(input: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        by_definition::<Self>(input, weight, None)
    }

    /// With a bias.
    fn affine(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        by_definition::<Self>(input, weight, Some(bias))
    }
}

/// Burn's own products are the fast ones.
impl LinearOps for Cube {}

fn by_definition<B: Wrapped>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
) -> FloatTensor<B> {
    let (input, weight) = (B::wrap(input), B::wrap(weight));
    B::own(reference::linear(input, weight, bias.map(B::wrap)))
}

/// A weight as checkpoints store it, outputs first.
pub(crate) fn trial(device: &Device) -> Trial {
    let inputs = |device| {
        let weight = wave([20, 40], 0.61, device).transpose();
        (
            wave([2, 5, 40], 0.37, device),
            weight,
            Some(wave([20], 0.83, device)),
        )
    };
    let ((input, weight, bias), (other, map, shift)) = (inputs(device), inputs(&Device::flex()));
    let expected = reference::linear(other, map, shift);
    Trial::new("linear map", linear(input, weight, bias), expected)
}
