//! Normalisations over channels and within heads.

use burn::{
    module::{Module, Param},
    nn::{LayerNorm, RmsNorm},
    tensor::{Device, Tensor},
};
use layerlab_kernels::ops::norm::rms;

/// The norm of a residual stream or of what is added to it.
#[derive(Module, Debug)]
pub(super) enum Norm {
    /// Scale only.
    Rms(RmsNorm),
    /// Scale and shift.
    Layer(LayerNorm),
}

impl Norm {
    /// The device that holds it.
    pub fn device(&self) -> Device {
        match self {
            Self::Rms(norm) => norm.gamma.val().device(),
            Self::Layer(norm) => norm.gamma.val().device(),
        }
    }

    /// `[batch, tokens, channels]` to the same shape.
    pub fn forward(&self, hidden: Tensor<3>) -> Tensor<3> {
        match self {
            Self::Rms(norm) => rms(hidden, norm.gamma.val(), norm.epsilon),
            Self::Layer(norm) => norm.forward(hidden),
        }
    }
}

/// A norm of queries or keys.
#[derive(Module, Debug)]
pub(super) enum HeadNorm {
    /// Over the channels of each head.
    Within(NormWithin),
    /// Over those of all heads together, with a scale `[heads * head_dim]`.
    OverHeads(RmsNorm),
}

/// A norm over the channels of each head.
#[derive(Module, Debug)]
pub(super) enum NormWithin {
    /// One scale `[head_dim]` for all heads.
    SharedRms(RmsNorm),
    /// A scale for each head, without shift.
    PerHead(LayerNormPerHead),
}

impl NormWithin {
    /// `[batch, tokens, heads, head_dim]` to the same shape.
    pub fn forward(&self, heads: Tensor<4>) -> Tensor<4> {
        match self {
            Self::SharedRms(norm) => rms(heads, norm.gamma.val(), norm.epsilon),
            Self::PerHead(norm) => norm.forward(heads),
        }
    }
}

/// A LayerNorm with its own scale for each head.
#[derive(Module, Debug)]
pub(super) struct LayerNormPerHead {
    /// `[heads, head_dim]`.
    pub scale: Param<Tensor<2>>,
    /// Added to the variance before the root.
    pub epsilon: f64,
}

impl LayerNormPerHead {
    fn forward(&self, heads: Tensor<4>) -> Tensor<4> {
        let centred = heads.clone() - heads.mean_dim(3);
        let variance = centred.clone().square().mean_dim(3);
        centred / (variance + self.epsilon).sqrt() * self.scale.val().unsqueeze::<4>()
    }
}
