//! Root mean square normalisation.

use burn::{backend::Cube, tensor::Tensor};
use cubecl::prelude::*;

use super::{UNITS, beside, group, groups, numbers};

/// `[…, channels]` over its root mean square, times `gamma` `[channels]`.
pub(in super::super) fn rms<const D: usize>(
    hidden: &Tensor<D>,
    gamma: &Tensor<1>,
    epsilon: f64,
) -> Option<Tensor<D>> {
    let (input, gamma) = (numbers(hidden)?, numbers(gamma)?);
    let shape = hidden.dims();
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
    Some(Tensor::from_primitive::<Cube>(output))
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
