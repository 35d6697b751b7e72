//! Sums over channels, token by token, of how two hidden states differ.

use cubecl::prelude::*;

use super::kernel::{CHUNK, UNITS};
use crate::layout::PAIR_PARTS;

/// Adds one channel of both hidden states to the sums of a token.
#[cube]
pub(super) fn add_channel(
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
pub(super) fn write_sums(sums: &Array<f32>, into: &mut [f32], start: usize, tokens: usize) {
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
pub(super) fn pair_chunk(
    input: &[f32],
    output: &[f32],
    pairs: &mut [f32],
    tokens: u32,
    channels: u32,
) {
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
