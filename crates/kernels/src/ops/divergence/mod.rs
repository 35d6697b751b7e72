//! How far one softmax is from another, and what would bring it nearer.

mod cpu;
pub mod reference;

use burn::{
    backend::{Cube, Dispatch, backend_extension, tensor::FloatTensor},
    tensor::{Device, Tensor},
};

use super::{
    trial::{Trial, wave},
    wrapped::Wrapped,
};

/// Of each row of logits `wanted` and `found`, both `[rows, columns]` and finite, the Kullback–Leibler divergence Σ p (ln p − ln q) in nats
/// `[rows]`, where p is the softmax of the one and q that of the other; and its gradient by `found`, q − p `[rows, columns]`. Neither is
/// recorded for gradients: the tensors must not be of a device that records them.
pub fn divergences(wanted: Tensor<2>, found: Tensor<2>) -> (Tensor<1>, Tensor<2>) {
    let (wanted, found) = (wanted.into_dispatch(), found.into_dispatch());
    let (sums, by_found) = <Dispatch as DivergenceOps>::divergences(wanted, found);
    (Tensor::from_dispatch(sums), Tensor::from_dispatch(by_found))
}

#[backend_extension(Cube, Flex)]
pub(crate) trait DivergenceOps: Wrapped {
    fn divergences(
        wanted: FloatTensor<Self>,
        found: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        by_definition::<Self>(wanted, found)
    }
}

/// Burn's operations serve.
impl DivergenceOps for Cube {}

fn by_definition<B: Wrapped>(
    wanted: FloatTensor<B>,
    found: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let (sums, by_found) = reference::divergences(B::wrap(wanted), B::wrap(found));
    (B::own(sums), B::own(by_found))
}

/// The divergences, and behind them their gradient.
pub(crate) fn trial(device: &Device) -> Trial {
    let logits = |device: &Device| [0.37, 0.83].map(|step| wave([4, 50], step, device));
    let all = |(sums, by_found): (Tensor<1>, Tensor<2>)| {
        Tensor::cat(vec![sums, by_found.flatten(0, 1)], 0)
    };
    let [wanted, found] = logits(&Device::flex());
    let expected = all(reference::divergences(wanted, found));
    let [wanted, found] = logits(device);
    Trial::new("divergences", all(divergences(wanted, found)), expected)
}
