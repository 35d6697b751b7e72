//! Heads by Burn's operations.

use burn::tensor::Tensor;

use super::Rotation;

/// See [`split_heads`](super::split_heads).
pub fn split_heads(projected: Tensor<3>, heads: usize) -> Tensor<4> {
    let [batch, tokens, channels] = projected.dims();
    projected
        .reshape([batch, tokens, heads, channels / heads])
        .swap_dims(1, 2)
}

/// See [`rotated_heads`](super::rotated_heads).
pub fn rotated_heads(projected: Tensor<3>, heads: usize, rotation: &Rotation) -> Tensor<4> {
    let (cosines, sines) = rotation.tensors();
    rotated(split_heads(projected, heads), cosines, sines)
}

/// Rotates heads `[batch, heads, tokens, dim]` by cosines and sines `[batch, 1, tokens, pairs]`.
pub(super) fn rotated(heads: Tensor<4>, cosines: Tensor<4>, sines: Tensor<4>) -> Tensor<4> {
    let (dim, pairs) = (heads.dims()[3], cosines.dims()[3]);
    let first = heads.clone().narrow(3, 0, pairs);
    let second = heads.clone().narrow(3, pairs, pairs);
    let mut parts = vec![
        first.clone() * cosines.clone() - second.clone() * sines.clone(),
        second * cosines + first * sines,
    ];
    let rotated = 2 * pairs;
    if rotated < dim {
        parts.push(heads.narrow(3, rotated, dim - rotated));
    }
    Tensor::cat(parts, 3)
}
