//! Grouped-query scaled dot-product attention under a mask.

mod cpu;
mod mask;
pub mod reference;

pub use mask::Mask;

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

/// Values mixed by the softmax, over the keys that each query sees, of `scale` times query times key:
/// `[batch, tokens, heads * dim]`. Queries are `[batch, heads, tokens, dim]`, keys and values
/// `[batch, kv_heads, seen, dim]`; `heads / kv_heads` neighbours share a key head. With a soft cap c, above 0, the softmax is
/// of `c · tanh(score / c)` of these scores, which no score exceeds.
///
/// A query that sees a score that is no number gives NaN. What one that sees no key at all gives, as padding does, is
/// some finite number that nobody is to look at.
///
/// # Panics
/// Where these shapes, or those of the mask, do not go together.
pub fn attend(
    queries: Tensor<4>,
    keys: Tensor<4>,
    values: Tensor<4>,
    mask: &Mask,
    scale: f64,
    soft_cap: Option<f64>,
) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as AttentionOps>::attend(
        queries.into_dispatch(),
        keys.into_dispatch(),
        values.into_dispatch(),
        mask,
        scale,
        soft_cap,
    ))
}

#[backend_extension(Cube, Flex, Autodiff)]
pub(crate) trait AttentionOps: Wrapped {
    fn attend(
        queries: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        mask: &Mask,
        scale: f64,
        soft_cap: Option<f64>,
    ) -> FloatTensor<Self> {
        by_definition::<Self>(queries, keys, values, mask, scale, soft_cap)
    }
}

/// Burn's products are the fast ones.
impl AttentionOps for Cube {}

impl<B: Backend, C: CheckpointStrategy> AttentionOps for Autodiff<B, C> where Self: Wrapped {}

fn by_definition<B: Wrapped>(
    queries: FloatTensor<B>,
    keys: FloatTensor<B>,
    values: FloatTensor<B>,
    mask: &Mask,
    scale: f64,
    soft_cap: Option<f64>,
) -> FloatTensor<B> {
    let (queries, keys, values) = (B::wrap(queries), B::wrap(keys), B::wrap(values));
    B::own(reference::attend(
        queries, keys, values, mask, scale, soft_cap,
    ))
}

/// Two query heads to a key head, and queries that see from one to all keys; without a soft cap, and with one that is felt.
pub(crate) fn trial(device: &Device) -> Trial {
    let seen = (0..9 * 9).map(|place| place % 9 <= place / 9).collect();
    let mask = |device: &Device| Mask::new([1, 9, 9], Vec::clone(&seen), device);
    let inputs = |device: &Device| {
        let keys = [0.61, 0.83].map(|step| wave([2, 2, 9, 12], step, device));
        (wave([2, 4, 9, 12], 0.37, device), keys, mask(device))
    };
    let caps = [None, Some(2.5)];
    let found = caps.map(|cap| {
        let (queries, [keys, values], mask) = inputs(device);
        attend(queries, keys, values, &mask, 0.3, cap)
    });
    let expected = caps.map(|cap| {
        let (queries, [keys, values], mask) = inputs(&Device::flex());
        reference::attend(queries, keys, values, &mask, 0.3, cap)
    });
    let [found, expected] = [found, expected].map(|mixed| Tensor::cat(mixed.into(), 0));
    Trial::new("attention", found, expected)
}
