//! Grouped-query attention.

use burn::{module::Module, tensor::Tensor};

use super::{block::Pass, norm::HeadNorm, projection::Projection};
use crate::spec::BlockSpec;

/// The attention sublayer.
#[derive(Module, Debug)]
pub(super) struct Attention {
    pub query: Projection,
    pub key: Projection,
    pub value: Projection,
    pub output: Projection,
    pub query_norm: Option<HeadNorm>,
    pub key_norm: Option<HeadNorm>,
    #[module(skip)]
    pub heads: Heads,
    #[module(skip)]
    pub block: BlockSpec,
}

/// How channels are divided among heads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Heads {
    pub query: usize,
    pub kv: usize,
    pub dim: usize,
}

impl Attention {
    /// `[batch, tokens, channels]`, already normed, to what is added to the residual stream.
    pub fn forward(&self, hidden: Tensor<3>, layer: usize, pass: &mut Pass<'_>) -> Tensor<3> {
        let [batch, tokens, _] = hidden.dims();
        let Heads { query, kv, dim } = self.heads;

        let queries = split(
            self.query.forward(hidden.clone()),
            query,
            dim,
            &self.query_norm,
        );
        let keys = split(self.key.forward(hidden.clone()), kv, dim, &self.key_norm);
        let values = split(self.value.forward(hidden), kv, dim, &None);
        let (queries, keys) = match &pass.frame.rotation {
            Some(rotation) => (rotation.apply(queries), rotation.apply(keys)),
            None => (queries, keys),
        };
        let (keys, values) = match pass.cache.as_deref_mut() {
            Some(cache) => cache.extend(layer, keys, values),
            None => (keys, values),
        };
        let mask = pass.frame.masks.get(self.block.window);
        let mixed = mask
            .mix(queries, keys, values, self.block.attention_scale)
            .swap_dims(1, 2)
            .reshape([batch, tokens, query * dim]);
        self.output.forward(mixed)
    }
}

/// `[batch, tokens, heads * dim]` to `[batch, heads, tokens, dim]`, normed within heads.
fn split(projected: Tensor<3>, heads: usize, dim: usize, norm: &Option<HeadNorm>) -> Tensor<4> {
    let [batch, tokens, _] = projected.dims();
    let projected = projected.reshape([batch, tokens, heads, dim]);
    let projected = match norm {
        Some(norm) => norm.forward(projected),
        None => projected,
    };
    projected.swap_dims(1, 2)
}
