//! How probable given tokens are.

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

/// Natural log-probability `[targets]` of token `ids[i]` by row i of `logits` `[targets, vocabulary]`, under the softmax of
/// that row. Ids are below the size of the vocabulary, one for each row.
pub fn log_probabilities(logits: Tensor<2>, ids: &[i32]) -> Tensor<1> {
    let logits = logits.into_dispatch();
    Tensor::from_dispatch(<Dispatch as LikelihoodOps>::log_probabilities(logits, ids))
}

/// ln ∑ eˣ of each row of `logits` `[rows, columns]`, `[rows]`: what a vocabulary comes to of which the logits are computed
/// part by part. Rows of minus infinity give that.
pub fn log_sums(logits: Tensor<2>) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as LikelihoodOps>::log_sums(
        logits.into_dispatch(),
    ))
}

#[backend_extension(Cube, Flex, Autodiff)]
pub(crate) trait LikelihoodOps: Wrapped {
    fn log_probabilities(logits: FloatTensor<Self>, ids: &[i32]) -> FloatTensor<Self> {
        by_definition::<Self>(logits, ids)
    }

    fn log_sums(logits: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::own(reference::log_sums(Self::wrap(logits)))
    }
}

/// Burn's operations serve.
impl LikelihoodOps for Cube {}

impl<B: Backend, C: CheckpointStrategy> LikelihoodOps for Autodiff<B, C> where Self: Wrapped {}

fn by_definition<B: Wrapped>(logits: FloatTensor<B>, ids: &[i32]) -> FloatTensor<B> {
    B::own(reference::log_probabilities(B::wrap(logits), ids))
}

pub(crate) fn trial(device: &Device) -> Trial {
    let logits = |device: &Device| wave([4, 50], 0.37, device);
    let ids = [3, 49, 0, 17];
    let expected = reference::log_probabilities(logits(&Device::flex()), &ids);
    let found = log_probabilities(logits(device), &ids);
    Trial::new("log-probabilities", found, expected)
}
