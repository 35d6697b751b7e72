//! The gate on a GPU, in one dispatch.

use burn::backend::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::{
    super::gpu::{UNITS, beside, group, groups_of, numbers},
    GateOps, by_definition,
};

impl GateOps for Cube {
    fn silu_gate(gate: CubeTensor, up: CubeTensor) -> CubeTensor {
        fast(&gate, &up).unwrap_or_else(|| by_definition::<Self>(gate, up))
    }
}

fn fast(gate: &CubeTensor, up: &CubeTensor) -> Option<CubeTensor> {
    let (gate, up) = (numbers(gate)?, numbers(up)?);
    let shape = gate.meta.shape().dims::<3>();
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
    Some(output)
}

/// One unit for each number.
#[cube(launch)]
fn silu_gate(gate: &[f32], up: &[f32], output: &mut [f32], total: u32) {
    let index = group() * UNITS + UNIT_POS as usize;
    if index < total as usize {
        let value = gate[index];
        let mut silu = value / (1.0f32 + (-value).exp());
        // Beyond what float32 holds of e^-x, some adapters give no number.
        if value < -88.0f32 {
            silu = value * 0.0f32;
        }
        output[index] = silu * up[index];
    }
}
