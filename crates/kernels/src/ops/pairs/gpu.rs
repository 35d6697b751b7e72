//! The sums on a GPU, token by token.

use burn::backend::Cube;
use burn_cubecl::{kernel::into_contiguous, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{CHUNK, PAIR_PARTS, PairOps, UNITS};
use crate::ops::gpu::beside;

impl PairOps for Cube {
    fn pair_sums(input: CubeTensor, output: CubeTensor) -> CubeTensor {
        let (input, output) = (into_contiguous(input), into_contiguous(output));
        let [batch, tokens, channels] = input.meta.shape().dims();
        let pairs = beside(&input, [batch, tokens, PAIR_PARTS]);
        let client = input.client.clone();
        pair_chunk::launch(
            &client,
            CubeCount::Static(tokens.div_ceil(CHUNK) as u32, batch as u32, 1),
            CubeDim::new_1d(UNITS as u32),
            input.into_buffer_arg(),
            output.into_buffer_arg(),
            pairs.clone().into_buffer_arg(),
            tokens as u32,
            channels as u32,
        );
        pairs
    }
}

/// Adds one channel of both hidden states to the sums of a token.
#[cube]
pub(in crate::ops) fn add_channel(
    sums: &mut Array<f32>,
    #[comptime] token: usize,
    input: f32,
    output: f32,
) {
    let difference = output - input;
    let sum = output + input;
    sums[token * PAIR_PARTS] += input * input;
    sums[token * PAIR_PARTS + 1] += output * output;
    sums[token * PAIR_PARTS + 2] += sum * sum;
    sums[token * PAIR_PARTS + 3] += difference * difference;
}

/// Sums what every unit of the workgroup has of each token, and writes `[token, 4]` from `start` of `into` on.
#[cube]
pub(in crate::ops) fn write_sums(sums: &Array<f32>, into: &mut [f32], start: usize, tokens: usize) {
    let unit = UNIT_POS as usize;
    // A row more than needed keeps rows on different banks. One quantity at a time: all four
    // would take the whole of WebGPU's 16 KiB.
    let mut shared = Shared::<[f32]>::new_slice(comptime![CHUNK * (UNITS + 1)]);
    #[unroll]
    for part in 0..PAIR_PARTS {
        #[unroll]
        for token in 0..CHUNK {
            shared[token * (UNITS + 1) + unit] = sums[token * PAIR_PARTS + part];
        }
        sync_cube();
        if unit < tokens {
            let mut sum = 0.0f32;
            for other in 0..UNITS {
                sum += shared[unit * (UNITS + 1) + other];
            }
            into[start + unit * PAIR_PARTS + part] = sum;
        }
        sync_cube();
    }
}

/// The pair sums alone; one workgroup for each chunk of tokens of each sequence.
#[cube(launch)]
fn pair_chunk(input: &[f32], output: &[f32], pairs: &mut [f32], tokens: u32, channels: u32) {
    let tokens = tokens as usize;
    let channels = channels as usize;
    let first = CUBE_POS_X as usize * CHUNK;
    let start = CUBE_POS_Y as usize * tokens + first;
    let here = select(tokens - first < CHUNK, tokens - first, CHUNK.runtime());
    let mut sums = Array::<f32>::new(comptime![CHUNK * PAIR_PARTS]);
    #[unroll]
    for index in 0..CHUNK * PAIR_PARTS {
        sums[index] = 0.0f32;
    }
    for channel in range_stepped(UNIT_POS as usize, channels, UNITS) {
        #[unroll]
        for token in 0..CHUNK {
            if token < here {
                let index = (start + token) * channels + channel;
                add_channel(&mut sums, token, input[index], output[index]);
            }
        }
    }
    write_sums(&sums, pairs, start * PAIR_PARTS, here);
}
