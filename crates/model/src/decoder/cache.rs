//! Keys and values of the tokens already read, for generation.

use burn::tensor::Tensor;

/// What attention has seen so far. Starts empty; [`Decoder::hidden_states`] extends it.
///
/// [`Decoder::hidden_states`]: crate::Decoder::hidden_states
#[derive(Debug, Default)]
pub struct KvCache {
    /// Per block, keys and values, each `[batch, kv_heads, tokens, head_dim]`.
    pub(super) blocks: Vec<(Tensor<4>, Tensor<4>)>,
    /// Per sequence, the position of each cached token; `None` is padding.
    pub(super) positions: Vec<Vec<Option<usize>>>,
}

impl KvCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends keys and values of block `layer` and returns all that it has.
    pub(super) fn extend(
        &mut self,
        layer: usize,
        keys: Tensor<4>,
        values: Tensor<4>,
    ) -> (Tensor<4>, Tensor<4>) {
        match self.blocks.get_mut(layer) {
            Some(block) => {
                block.0 = Tensor::cat(vec![block.0.clone(), keys], 2);
                block.1 = Tensor::cat(vec![block.1.clone(), values], 2);
                block.clone()
            }
            None => {
                self.blocks.push((keys.clone(), values.clone()));
                (keys, values)
            }
        }
    }
}
