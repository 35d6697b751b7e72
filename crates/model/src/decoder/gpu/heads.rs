//! Channels to heads, rotated.

use burn::{backend::Cube, tensor::Tensor};
use cubecl::prelude::*;

use super::{UNITS, beside, group, groups_of, numbers};
use crate::decoder::rotary::Rotation;

/// `[batch, tokens, heads * dim]` to `[batch, heads, tokens, dim]`, the first dimensions of each head rotated.
pub(in super::super) fn split(
    projected: &Tensor<3>,
    heads: usize,
    rotation: &Rotation,
) -> Option<Tensor<4>> {
    let [batch, tokens, channels] = projected.dims();
    let input = numbers(projected)?;
    let (cosine, sine) = rotation.tensors();
    let (cosine, sine) = (numbers(cosine)?, numbers(sine)?);
    let output = beside(&input, [batch, heads, tokens, channels / heads]);
    let total = batch * tokens * channels;
    let client = input.client.clone();
    rotate_heads::launch(
        &client,
        groups_of(total),
        CubeDim::new_1d(UNITS as u32),
        input.into_buffer_arg(),
        cosine.into_buffer_arg(),
        sine.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        tokens as u32,
        heads as u32,
        (channels / heads) as u32,
        rotation.half() as u32,
        total as u32,
    );
    Some(Tensor::from_primitive::<Cube>(output))
}

/// One unit for each number of the output.
#[cube(launch)]
fn rotate_heads(
    input: &[f32],
    cosine: &[f32],
    sine: &[f32],
    output: &mut [f32],
    tokens: u32,
    heads: u32,
    dim: u32,
    half: u32,
    total: u32,
) {
    let index = group() * UNITS + UNIT_POS as usize;
    if index < total as usize {
        let (tokens, heads, dim) = (tokens as usize, heads as usize, dim as usize);
        let half = half as usize;
        let channel = index % dim;
        let token = index / dim % tokens;
        let head = index / (dim * tokens) % heads;
        let sequence = index / (dim * tokens * heads);
        let row = sequence * tokens + token;
        let start = (row * heads + head) * dim;
        let value = input[start + channel];
        if channel < 2 * half {
            // Channel i makes a pair with i + half.
            let is_first = channel < half;
            let pair = select(is_first, channel, channel - half);
            let other = input[start + select(is_first, channel + half, channel - half)];
            let turned = select(is_first, -other, other);
            let angle = row * half + pair;
            output[index] = value * cosine[angle] + turned * sine[angle];
        } else {
            output[index] = value;
        }
    }
}
