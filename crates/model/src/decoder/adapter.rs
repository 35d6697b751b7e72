//! The low-rank change of one linear map (LoRA, arXiv 2106.09685).

use burn::{
    module::{Module, Param},
    tensor::{Tensor, module::linear},
};
use layerlab_checkpoint::families::Map;

/// The change of one map: `scale · input · down · up`.
#[derive(Module, Debug)]
pub(crate) struct Adapter {
    /// `[inputs, rank]`.
    pub down: Param<Tensor<2>>,
    /// `[rank, outputs]`.
    pub up: Param<Tensor<2>>,
    #[module(skip)]
    pub scale: f64,
    #[module(skip)]
    pub layer: usize,
    #[module(skip)]
    pub map: Map,
}

impl Adapter {
    /// `[batch, tokens, inputs]` to `[batch, tokens, outputs]`.
    pub fn forward(&self, input: Tensor<3>) -> Tensor<3> {
        let narrow = linear(input, self.down.val(), None);
        linear(narrow, self.up.val() * self.scale, None)
    }

    /// What is added to the weight, `[inputs, outputs]`.
    pub fn product(&self) -> Tensor<2> {
        self.down.val().matmul(self.up.val()) * self.scale
    }
}
