//! Heads on a GPU, rotated in the same dispatch.

use burn::backend::Cube;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::{
    super::gpu::{UNITS, beside, group, groups_of, numbers},
    HeadOps, rotated_by_definition,
};

/// Heads that are not rotated are another view of the same numbers.
impl HeadOps for Cube {
    fn rotated_heads(
        projected: CubeTensor,
        cosines: CubeTensor,
        sines: CubeTensor,
        heads: usize,
    ) -> CubeTensor {
        fast(&projected, &cosines, &sines, heads)
            .unwrap_or_else(|| rotated_by_definition::<Self>(projected, cosines, sines, heads))
    }
}

fn fast(
    projected: &CubeTensor,
    cosines: &CubeTensor,
    sines: &CubeTensor,
    heads: usize,
) -> Option<CubeTensor> {
    let input = numbers(projected)?;
    let (cosines, sines) = (numbers(cosines)?, numbers(sines)?);
    let [batch, tokens, channels] = input.meta.shape().dims();
    let [_, _, _, pairs] = cosines.meta.shape().dims();
    let output = beside(&input, [batch, heads, tokens, channels / heads]);
    let total = batch * tokens * channels;
    let client = input.client.clone();
    rotate_heads::launch(
        &client,
        groups_of(total),
        CubeDim::new_1d(UNITS as u32),
        input.into_buffer_arg(),
        cosines.into_buffer_arg(),
        sines.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        tokens as u32,
        heads as u32,
        (channels / heads) as u32,
        pairs as u32,
        total as u32,
    );
    Some(output)
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
