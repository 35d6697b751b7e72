//! The gate of an MLP.

mod cpu;
mod gpu;
pub mod reference;

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, autodiff::checkpoint::strategy::CheckpointStrategy,
        backend_extension, tensor::FloatTensor,
    },
    tensor::{Device, Tensor},
};

use super::{
    trial::{Trial, wave},
    wrapped::Wrapped,
};

/// `silu(gate) * up`, all `[batch, tokens, inner]`: the activation that nearly all gates have.
pub fn silu_gate(gate: Tensor<3>, up: Tensor<3>) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as GateOps>::silu_gate(
        gate.into_dispatch(),
        up.into_dispatch(),
    ))
}

#[backend_extension(Cube, Flex, Autodiff)]
pub(crate) trait GateOps: Wrapped {
    /// Both of one shape.
    fn silu_gate(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        by_definition::<Self>(gate, up)
    }
}

impl<B: Backend, C: CheckpointStrategy> GateOps for Autodiff<B, C> where Self: Wrapped {}

fn by_definition<B: Wrapped>(gate: FloatTensor<B>, up: FloatTensor<B>) -> FloatTensor<B> {
    B::own(reference::silu_gate(B::wrap(gate), B::wrap(up)))
}

/// More numbers than a workgroup has units.
pub(crate) fn trial(device: &Device) -> Trial {
    let inputs = |device| [0.37, 0.61].map(|step| wave([1, 3, 50], step, device));
    let ([gate, up], [other, factor]) = (inputs(device), inputs(&Device::flex()));
    let expected = reference::silu_gate(other, factor);
    Trial::new("gate", silu_gate(gate, up), expected)
}
