//! Scaled dot-product attention under a mask.

use std::{collections::BTreeMap, ops::Range, sync::OnceLock};

use burn::tensor::{Device, Tensor, TensorData, activation::softmax};

use super::{cpu, positions::Positions};

/// Stands for minus infinity in attention scores. Finite, so that the rows of padding, which see
/// nothing, give a uniform softmax and not NaN.
const HIDDEN: f32 = -1e30;

/// Which key each query may see.
pub(super) struct Mask {
    /// `[batch or 1, 1, queries, keys]`.
    shape: [usize; 4],
    seen: Vec<bool>,
    /// The same as ranges, where there are no gaps between the keys that a query sees.
    pub(super) spans: Option<Vec<Range<usize>>>,
    /// What is added to the scores, 0 or [`HIDDEN`]; made where it is asked for.
    bias: OnceLock<Tensor<4>>,
    device: Device,
}

impl Mask {
    fn new(positions: &Positions, window: Option<usize>, device: &Device) -> Self {
        let (shape, seen) = positions.seen(window);
        Self {
            spans: spans(&seen, shape[3]),
            shape,
            seen,
            bias: OnceLock::new(),
            device: device.clone(),
        }
    }

    fn bias(&self) -> Tensor<4> {
        let bias = |seen: &bool| if *seen { 0.0 } else { HIDDEN };
        let made = self.bias.get_or_init(|| {
            let biases: Vec<f32> = self.seen.iter().map(bias).collect();
            Tensor::from_data(TensorData::new(biases, self.shape), &self.device)
        });
        made.clone()
    }

    /// Values mixed by the softmax over seen keys of `scale` times query times key,
    /// `[batch, tokens, heads * dim]`. Queries are `[batch, heads, tokens, dim]`, keys and values
    /// `[batch, kv_heads, seen, dim]`; `heads / kv_heads` neighbours share a key head.
    pub fn mix(
        &self,
        queries: Tensor<4>,
        keys: Tensor<4>,
        values: Tensor<4>,
        scale: f64,
    ) -> Tensor<3> {
        let spans = self.spans.as_ref();
        spans
            .and_then(|spans| cpu::mix(&queries, &keys, &values, spans, scale))
            .unwrap_or_else(|| self.mix_by_operations(queries, keys, values, scale))
    }

    /// The same by Burn's operations, on any device.
    pub(super) fn mix_by_operations(
        &self,
        queries: Tensor<4>,
        keys: Tensor<4>,
        values: Tensor<4>,
        scale: f64,
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
        softmax(scores + self.bias(), 3)
            .reshape([batch, kv_heads, rows, seen])
            .matmul(values)
            .reshape([batch, heads, tokens, dim])
            .swap_dims(1, 2)
            .reshape([batch, tokens, heads * dim])
    }
}

/// The keys that each query sees as a range; none where some query sees keys with gaps between them.
fn spans(seen: &[bool], keys: usize) -> Option<Vec<Range<usize>>> {
    let span = |seen: &[bool]| {
        let start = seen.iter().position(|seen| *seen).unwrap_or(0);
        let length = seen[start..].iter().take_while(|seen| **seen).count();
        let has_gap = seen[start + length..].contains(&true);
        (!has_gap).then_some(start..start + length)
    };
    seen.chunks(keys).map(span).collect()
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
