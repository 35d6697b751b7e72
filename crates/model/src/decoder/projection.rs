//! A linear map of a block, with the low-rank change that may lie on it.

use burn::{
    module::{Module, Param},
    tensor::{DType, Device, Tensor},
};

use super::{adapter::Adapter, weight::Weight};

/// A linear map as it was loaded.
#[derive(Module, Debug)]
pub(super) struct Linear {
    pub weight: Weight,
    /// `[outputs]`.
    pub bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// `[batch, tokens, inputs]` to `[batch, tokens, outputs]`.
    pub fn forward(&self, input: Tensor<3>) -> Tensor<3> {
        let bias = self.bias.as_ref().map(|bias| bias.val());
        self.weight.apply(input, bias)
    }
}

/// A linear map, changed where an adapter lies on it.
#[derive(Module, Debug)]
pub(super) struct Projection {
    pub linear: Linear,
    pub adapter: Option<Adapter>,
    /// Whether its weight or its bias is no longer what the file has.
    #[module(skip)]
    pub is_altered: bool,
}

impl Projection {
    /// The map as it was loaded.
    pub fn plain(linear: Linear) -> Self {
        Self {
            linear,
            adapter: None,
            is_altered: false,
        }
    }

    /// A map that has taken the place of the one that was loaded.
    pub fn altered(linear: Linear) -> Self {
        Self {
            is_altered: true,
            ..Self::plain(linear)
        }
    }

    /// `[batch, tokens, inputs]` to `[batch, tokens, outputs]`.
    pub fn forward(&self, input: Tensor<3>) -> Tensor<3> {
        match &self.adapter {
            None => self.linear.forward(input),
            Some(adapter) => self.linear.forward(input.clone()) + adapter.forward(input),
        }
    }

    /// The same map with the adapter added to the weight, which is of float32 then.
    pub fn merged(&self, device: &Device) -> Self {
        let Some(adapter) = &self.adapter else {
            return self.clone();
        };
        let values = self.linear.weight.values(device).cast(DType::F32) + adapter.product();
        Self::altered(Linear {
            weight: Weight::of_values(values),
            bias: self.linear.bias.clone(),
        })
    }
}
