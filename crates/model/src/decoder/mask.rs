//! Scaled dot-product attention under a mask.

use std::collections::BTreeMap;

use burn::{
    backend::DispatchDevice,
    tensor::{
        Bool, Device, Tensor, TensorData, activation::softmax, module::attention,
        ops::AttentionModuleOptions,
    },
};

use super::positions::Positions;

/// Stands for minus infinity in attention scores. Finite, so that the rows of padding, which see
/// nothing, give a uniform softmax and not NaN.
const HIDDEN: f32 = -1e30;

/// Which key each query may see, in the form that suits the device.
pub(super) enum Mask {
    /// What is added to the scores, `[batch or 1, 1, queries, keys]`: 0, or [`HIDDEN`].
    Bias(Tensor<4>),
    /// What Flex's own attention takes, the same shape, true where hidden. It works head by head
    /// within the processor's cache; the steps of [`mix`](Mask::mix) halve the speed there. On a
    /// GPU, Burn's operation takes more than twice as many steps as ours.
    Hidden(Tensor<4, Bool>),
}

impl Mask {
    fn new(positions: &Positions, window: Option<usize>, device: &Device) -> Self {
        let (shape, seen) = positions.seen(window);
        if matches!(device.as_dispatch(), DispatchDevice::Flex(_)) {
            let hidden: Vec<bool> = seen.iter().map(|seen| !seen).collect();
            return Self::Hidden(Tensor::from_data(TensorData::new(hidden, shape), device));
        }
        let bias = |seen| if seen { 0.0 } else { HIDDEN };
        let biases: Vec<f32> = seen.into_iter().map(bias).collect();
        Self::Bias(Tensor::from_data(TensorData::new(biases, shape), device))
    }

    /// Values `[batch, heads, tokens, dim]` mixed by the softmax over seen keys of `scale` times
    /// query times key. Queries are `[batch, heads, tokens, dim]`, keys and values
    /// `[batch, kv_heads, seen, dim]`; `heads / kv_heads` neighbours share a key head.
    pub fn mix(
        &self,
        queries: Tensor<4>,
        keys: Tensor<4>,
        values: Tensor<4>,
        scale: f64,
    ) -> Tensor<4> {
        let bias = match self {
            Self::Bias(bias) => bias.clone(),
            Self::Hidden(hidden) => {
                let options = AttentionModuleOptions {
                    scale: Some(scale),
                    ..AttentionModuleOptions::default()
                };
                return attention(queries, keys, values, Some(hidden.clone()), None, options);
            }
        };
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
        softmax(scores + bias, 3)
            .reshape([batch, kv_heads, rows, seen])
            .matmul(values)
            .reshape([batch, heads, tokens, dim])
    }
}

/// The mask of every window that occurs, made once for all blocks.
pub(super) struct Masks(BTreeMap<Option<usize>, Mask>);

impl Masks {
    pub fn new(
        positions: &Positions,
        windows: impl Iterator<Item = Option<usize>>,
        device: &Device,
    ) -> Self {
        let mut masks = BTreeMap::new();
        for window in windows {
            masks
                .entry(window)
                .or_insert_with(|| Mask::new(positions, window, device));
        }
        Self(masks)
    }

    /// Of one of the windows that the masks were made for.
    pub fn get(&self, window: Option<usize>) -> &Mask {
        &self.0[&window]
    }
}
