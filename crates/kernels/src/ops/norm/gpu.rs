//! The norm on a GPU, in one dispatch.

use burn::backend::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::{
    super::gpu::{UNITS, beside, group, groups, numbers},
    NormOps, by_definition,
};

impl NormOps for Cube {
    fn rms<const D: usize>(hidden: CubeTensor, gamma: CubeTensor, epsilon: f64) -> CubeTensor {
        fast::<D>(&hidden, &gamma, epsilon)
            .unwrap_or_else(|| by_definition::<Self, D>(hidden, gamma, epsilon))
    }
}

fn fast<const D: usize>(
    hidden: &CubeTensor,
    gamma: &CubeTensor,
    epsilon: f64,
) -> Option<CubeTensor> {
    let (input, gamma) = (numbers(hidden)?, numbers(gamma)?);
    let shape = input.meta.shape().dims::<D>();
    let channels = shape[D - 1];
    let rows = shape.iter().product::<usize>() / channels.max(1);
    let output = beside(&input, shape);
    let client = input.client.clone();
    rms_rows::launch(
        &client,
        groups(rows),
        CubeDim::new_1d(UNITS as u32),
        input.into_buffer_arg(),
        gamma.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        rows as u32,
        channels as u32,
        epsilon as f32,
    );
    Some(output)
}

/// One workgroup for each row. Those beyond the last do it once more: none may leave before the others are in step.
#[cube(launch)]
fn rms_rows(
    input: &[f32],
    gamma: &[f32],
    output: &mut [f32],
    rows: u32,
    channels: u32,
    epsilon: f32,
) {
    let unit = UNIT_POS as usize;
    let channels = channels as usize;
    let last = rows as usize - 1;
    let row = select(group() < last, group(), last);
    let start = row * channels;
    let mut sums = Shared::<[f32]>::new_slice(UNITS);
    let mut own = 0.0f32;
    for channel in range_stepped(unit, channels, UNITS) {
        let value = input[start + channel];
        own += value * value;
    }
    sums[unit] = own;
    sync_cube();
    let mut squares = 0.0f32;
    for other in 0..UNITS {
        squares += sums[other];
    }
    let inverse = 1.0f32 / (squares / f32::cast_from(channels as u32) + epsilon).sqrt();
    for channel in range_stepped(unit, channels, UNITS) {
        output[start + channel] = input[start + channel] * inverse * gamma[channel];
    }
}
