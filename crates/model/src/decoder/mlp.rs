//! The feed-forward sublayer.

use burn::{
    module::Module,
    tensor::{Tensor, activation},
};
use layerlab_kernels::ops::{gate::silu_gate, tanh::gelu_tanh};

use super::projection::Projection;
use crate::spec::Activation;

/// `down(act(gate(x)) * up(x))`, or `down(act(up(x)))` without a gate.
#[derive(Module, Debug)]
pub(super) struct Mlp {
    pub gate: Option<Projection>,
    pub up: Projection,
    pub down: Projection,
    #[module(skip)]
    pub activation: Activation,
}

impl Mlp {
    /// The inner activation `[batch, tokens, inner]` of a normed input `[batch, tokens, channels]`.
    pub fn neurons(&self, hidden: Tensor<3>) -> Tensor<3> {
        match &self.gate {
            Some(gate) => {
                let gate = gate.forward(hidden.clone());
                let up = self.up.forward(hidden);
                match self.activation {
                    Activation::Silu => silu_gate(gate, up),
                    _ => activate(self.activation, gate) * up,
                }
            }
            None => activate(self.activation, self.up.forward(hidden)),
        }
    }

    /// From the inner activation back to `[batch, tokens, channels]`.
    pub fn project(&self, neurons: Tensor<3>) -> Tensor<3> {
        self.down.forward(neurons)
    }
}

fn activate(activation: Activation, x: Tensor<3>) -> Tensor<3> {
    match activation {
        Activation::Silu => activation::silu(x),
        Activation::Gelu => activation::gelu(x),
        Activation::GeluTanh => gelu_tanh(x),
        Activation::Relu => activation::relu(x),
    }
}
