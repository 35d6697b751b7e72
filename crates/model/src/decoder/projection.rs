//! A linear map of a block, with the low-rank change that may lie on it.

use burn::{
    module::Module,
    nn::Linear,
    tensor::{DType, Tensor},
};
use layerlab_kernels::ops::linear::linear;

use super::adapter::Adapter;

/// A linear map, changed where an adapter lies on it.
#[derive(Module, Debug)]
pub(super) struct Projection {
    /// Weight `[inputs, outputs]` and bias.
    pub linear: Linear,
    pub adapter: Option<Adapter>,
}

impl Projection {
    /// The map as it was loaded.
    pub fn plain(linear: Linear) -> Self {
        Self {
            linear,
            adapter: None,
        }
    }

    /// `[batch, tokens, inputs]` to `[batch, tokens, outputs]`.
    pub fn forward(&self, input: Tensor<3>) -> Tensor<3> {
        match &self.adapter {
            None => self.map(input),
            Some(adapter) => self.map(input.clone()) + adapter.forward(input),
        }
    }

    fn map(&self, input: Tensor<3>) -> Tensor<3> {
        let (weight, bias) = (self.linear.weight.val(), &self.linear.bias);
        let bias = bias.as_ref().map(|bias| bias.val());
        linear(input, weight, bias)
    }

    /// The same map with the adapter added to the weight, which is of float32 then.
    pub fn merged(&self) -> Self {
        let Some(adapter) = &self.adapter else {
            return self.clone();
        };
        let mut linear = self.linear.clone();
        let changed = |weight: Tensor<2>| weight.cast(DType::F32) + adapter.product();
        linear.weight = linear.weight.map(changed);
        Self::plain(linear)
    }
}
