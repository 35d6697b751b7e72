//! Sums over channels of how two hidden states differ, token by token.

use pulp::{Arch, Simd, WithSimd};

use crate::layout::PAIR_PARTS;

/// Sums are kept in this many lanes, so that the compiler uses vector instructions.
const LANES: usize = 16;

/// The four sums of each token, token after token.
pub(super) fn token_sums<'a>(rows: impl Iterator<Item = (&'a [f32], &'a [f32])>) -> Vec<f64> {
    Arch::new().dispatch(Rows(rows))
}

struct Rows<I>(I);

impl<'a, I: Iterator<Item = (&'a [f32], &'a [f32])>> WithSimd for Rows<I> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f64> {
        let mut sums = Vec::new();
        for (input, output) in self.0 {
            sums.extend(one_token(input, output));
        }
        sums
    }
}

#[inline(always)]
fn one_token(input: &[f32], output: &[f32]) -> [f64; PAIR_PARTS] {
    let mut lanes = [[0.0f64; LANES]; PAIR_PARTS];
    let (inputs, input_rest) = input.as_chunks::<LANES>();
    let (outputs, output_rest) = output.as_chunks::<LANES>();
    for (input, output) in inputs.iter().zip(outputs) {
        for lane in 0..LANES {
            add(&mut lanes, lane, input[lane], output[lane]);
        }
    }
    for (lane, (input, output)) in input_rest.iter().zip(output_rest).enumerate() {
        add(&mut lanes, lane, *input, *output);
    }
    let mut sums = [0.0; PAIR_PARTS];
    for (sum, lanes) in sums.iter_mut().zip(&lanes) {
        for lane in lanes {
            *sum += lane;
        }
    }
    sums
}

#[inline(always)]
fn add(lanes: &mut [[f64; LANES]; PAIR_PARTS], lane: usize, a: f32, b: f32) {
    let (a, b) = (f64::from(a), f64::from(b));
    lanes[0][lane] += a * a;
    lanes[1][lane] += b * b;
    lanes[2][lane] += (b + a) * (b + a);
    lanes[3][lane] += (b - a) * (b - a);
}
