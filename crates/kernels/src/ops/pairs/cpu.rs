//! The sums on the processor, in float64, sequences in parallel.

use burn::{
    backend::{Flex, flex::FlexTensor},
    tensor::TensorData,
};
use pulp::{Simd, WithSimd};

use super::{PAIR_PARTS, PairOps};
use crate::ops::cpu::{each, vectorised};

/// Channels that are turned to float64 at once: within the nearest cache.
const AT_ONCE: usize = 128;

impl PairOps for Flex {
    fn pair_sums(input: FlexTensor, output: FlexTensor) -> FlexTensor {
        let [batch, tokens, channels] = input.layout().shape().dims();
        let (input, output) = (input.to_contiguous(), output.to_contiguous());
        let (input, output) = (input.storage::<f32>(), output.storage::<f32>());
        let sums = each(batch, |sequence| {
            let range = sequence * tokens * channels..(sequence + 1) * tokens * channels;
            token_sums(&input[range.clone()], &output[range], channels)
        });
        let shape = [batch, tokens, PAIR_PARTS];
        FlexTensor::from_data(TensorData::new(sums.concat(), shape))
    }
}

/// The four sums of each token, of `input` and `output` `[tokens, channels]`.
pub(in crate::ops) fn token_sums(input: &[f32], output: &[f32], channels: usize) -> Vec<f64> {
    vectorised(Rows {
        input,
        output,
        channels,
    })
}

struct Rows<'a> {
    input: &'a [f32],
    output: &'a [f32],
    channels: usize,
}

impl WithSimd for Rows<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f64> {
        let inputs = self.input.chunks(self.channels);
        let rows = inputs.zip(self.output.chunks(self.channels));
        let mut all = Vec::with_capacity(rows.len() * PAIR_PARTS);
        let (mut a, mut b) = ([0.0; AT_ONCE], [0.0; AT_ONCE]);
        for (input, output) in rows {
            let mut sums = [simd.splat_f64s(0.0); 3];
            for (input, output) in input.chunks(AT_ONCE).zip(output.chunks(AT_ONCE)) {
                widen(input, &mut a);
                widen(output, &mut b);
                // Zeros behind the last channel add nothing.
                let (a, _) = S::as_simd_f64s(&a);
                let (b, _) = S::as_simd_f64s(&b);
                let used = input.len().div_ceil(S::F64_LANES);
                for (a, b) in a[..used].iter().zip(&b[..used]) {
                    let difference = simd.sub_f64s(*b, *a);
                    sums[0] = simd.mul_add_e_f64s(*a, *a, sums[0]);
                    sums[1] = simd.mul_add_e_f64s(*b, *b, sums[1]);
                    sums[2] = simd.mul_add_e_f64s(difference, difference, sums[2]);
                }
            }
            let [a, b, difference] = sums;
            let (a, b) = (simd.reduce_sum_f64s(a), simd.reduce_sum_f64s(b));
            let difference = simd.reduce_sum_f64s(difference);
            // The diagonals of a parallelogram: float64 has digits to spare for what this cancels.
            all.extend([a, b, (2.0 * (a + b) - difference).max(0.0), difference]);
        }
        all
    }
}

/// Values as float64, and zeros behind them.
#[inline(always)]
fn widen(values: &[f32], wide: &mut [f64; AT_ONCE]) {
    match values.as_array::<AT_ONCE>() {
        Some(values) => {
            for (wide, value) in wide.iter_mut().zip(values) {
                *wide = f64::from(*value);
            }
        }
        None => {
            wide.fill(0.0);
            for (wide, value) in wide.iter_mut().zip(values) {
                *wide = f64::from(*value);
            }
        }
    }
}
