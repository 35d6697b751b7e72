//! Grouped-query attention.

use burn::{module::Module, tensor::Tensor};
use layerlab_kernels::ops::{
    attention::attend,
    heads::{Rotation, rotated_heads, split_heads},
    norm::rms,
};

use super::{norm::HeadNorm, pass::Pass, projection::Projection};
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
    /// The bound of scores, if they have one.
    #[module(skip)]
    pub soft_cap: Option<f64>,
}

/// How channels are divided among heads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Heads {
    pub query: usize,
    pub kv: usize,
    pub dim: usize,
}

impl Attention {
    /// `[batch, tokens, channels]`, already normed where the block norms before attention, to the same shape.
    pub fn forward(&self, hidden: Tensor<3>, layer: usize, pass: &mut Pass<'_>) -> Tensor<3> {
        let Heads { query, kv, .. } = self.heads;
        let rotation = self
            .block
            .rotary
            .and_then(|number| pass.frame.rotations.get(number));

        let queries = self.query.forward(hidden.clone());
        let queries = split(queries, query, &self.query_norm, rotation);
        let keys = self.key.forward(hidden.clone());
        let keys = split(keys, kv, &self.key_norm, rotation);
        let values = split(self.value.forward(hidden), kv, &None, None);
        let (keys, values) = match pass.cache.as_deref_mut() {
            Some(cache) => cache.extend(layer, keys, values),
            None => (keys, values),
        };
        let mask = pass.frame.masks.get(self.block.window);
        let scale = self.block.attention_scale;
        let mixed = attend(queries, keys, values, mask, scale, self.soft_cap);
        self.output.forward(mixed)
    }
}

/// `[batch, tokens, heads * dim]` to `[batch, heads, tokens, dim]`, normed and rotated.
fn split(
    projected: Tensor<3>,
    heads: usize,
    norm: &Option<HeadNorm>,
    rotation: Option<&Rotation>,
) -> Tensor<4> {
    let [batch, tokens, channels] = projected.dims();
    let projected = match norm {
        Some(HeadNorm::OverHeads(norm)) => rms(projected, norm.gamma.val(), norm.epsilon),
        Some(HeadNorm::Within(norm)) => norm
            .forward(projected.reshape([batch, tokens, heads, channels / heads]))
            .reshape([batch, tokens, channels]),
        None => projected,
    };
    match rotation {
        Some(rotation) => rotated_heads(projected, heads, rotation),
        None => split_heads(projected, heads),
    }
}
