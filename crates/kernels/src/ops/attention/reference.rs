//! Attention by Burn's operations.

use burn::tensor::{Tensor, activation::softmax};

use super::{super::tanh::reference::soft_capped, Mask};

/// See [`attend`](super::attend).
pub fn attend(
    queries: Tensor<4>,
    keys: Tensor<4>,
    values: Tensor<4>,
    mask: &Mask,
    scale: f64,
    soft_cap: Option<f64>,
) -> Tensor<3> {
    let [batch, heads, tokens, dim] = queries.dims();
    let [_, kv_heads, seen, _] = keys.dims();
    // Query heads that share a key head become rows of one product, so keys are never copied.
    // [batch, kv_heads, group * tokens, dim] x [batch, kv_heads, dim, seen]
    let rows = heads / kv_heads * tokens;
    let scores = queries
        .mul_scalar(scale)
        .reshape([batch, kv_heads, rows, dim])
        .matmul(keys.swap_dims(2, 3))
        .reshape([batch, heads, tokens, seen]);
    let scores = match soft_cap {
        Some(cap) => soft_capped(scores, cap),
        None => scores,
    };
    softmax(scores + mask.bias(), 3)
        .reshape([batch, kv_heads, rows, seen])
        .matmul(values)
        .reshape([batch, heads, tokens, dim])
        .swap_dims(1, 2)
        .reshape([batch, tokens, heads * dim])
}
