//! The gate of an MLP.

use burn::{backend::Cube, tensor::Tensor};
use cubecl::prelude::*;

use super::{UNITS, beside, group, groups_of, numbers};
use crate::spec::Activation;

/// `act(gate) * up`, both `[batch, tokens, inner]`, for the activation that nearly all gates have.
pub(in super::super) fn gated(
    activation: Activation,
    gate: &Tensor<3>,
    up: &Tensor<3>,
) -> Option<Tensor<3>> {
    if activation != Activation::Silu {
        return None;
    }
    let shape = gate.dims();
    let (gate, up) = (numbers(gate)?, numbers(up)?);
    let output = beside(&gate, shape);
    let total = shape.iter().product::<usize>();
    let client = gate.client.clone();
    silu_gate::launch(
        &client,
        groups_of(total),
        CubeDim::new_1d(UNITS as u32),
        gate.into_buffer_arg(),
        up.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        total as u32,
    );
    Some(Tensor::from_primitive::<Cube>(output))
}

/// One unit for each number.
#[cube(launch)]
fn silu_gate(gate: &[f32], up: &[f32], output: &mut [f32], total: u32) {
    let index = group() * UNITS + UNIT_POS as usize;
    if index < total as usize {
        let value = gate[index];
        output[index] = value / (1.0f32 + (-value).exp()) * up[index];
    }
}
