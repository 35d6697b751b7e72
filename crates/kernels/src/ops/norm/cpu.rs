//! The norm on the processor: each row is read twice while it is in the cache.

use burn::backend::{Flex, flex::FlexTensor};
use pulp::{Simd, WithSimd};

use super::{
    super::cpu::{FlexValues, by_rows, tensor, vectorised},
    NormOps, by_definition,
};

impl NormOps for Flex {
    fn rms<const D: usize>(hidden: FlexTensor, gamma: FlexTensor, epsilon: f64) -> FlexTensor {
        fast::<D>(&hidden, &gamma, epsilon)
            .unwrap_or_else(|| by_definition::<Self, D>(hidden, gamma, epsilon))
    }
}

fn fast<const D: usize>(
    hidden: &FlexTensor,
    gamma: &FlexTensor,
    epsilon: f64,
) -> Option<FlexTensor> {
    let shape = hidden.layout().shape().dims::<D>();
    let (values, scale) = (FlexValues::of(hidden)?, FlexValues::of(gamma)?);
    let (values, gamma) = (values.get(), scale.get());
    let mut output = vec![0.0; values.len()];
    by_rows(&mut output, gamma.len(), |first, output| {
        let start = first * gamma.len();
        vectorised(Rows {
            input: &values[start..start + output.len()],
            gamma,
            epsilon: epsilon as f32,
            output,
        });
    });
    Some(tensor(output, shape))
}

struct Rows<'a> {
    input: &'a [f32],
    gamma: &'a [f32],
    epsilon: f32,
    output: &'a mut [f32],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.gamma.len();
        let (gamma, gamma_rest) = S::as_simd_f32s(self.gamma);
        let rows = self.input.chunks_exact(channels);
        for (input, output) in rows.zip(self.output.chunks_exact_mut(channels)) {
            let (input, rest) = S::as_simd_f32s(input);
            let (output, output_rest) = S::as_mut_simd_f32s(output);
            // Four sums, so that additions need not wait for each other.
            let mut sums = [simd.splat_f32s(0.0); 4];
            let (fours, ones) = input.as_chunks::<4>();
            for four in fours {
                for (sum, value) in sums.iter_mut().zip(four) {
                    *sum = simd.mul_add_e_f32s(*value, *value, *sum);
                }
            }
            for value in ones {
                sums[0] = simd.mul_add_e_f32s(*value, *value, sums[0]);
            }
            let [a, b, c, d] = sums;
            let sum = simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d));
            let mut squares = simd.reduce_sum_f32s(sum);
            for value in rest {
                squares += value * value;
            }
            let mean = squares / channels as f32;
            let inverse = 1.0 / (mean + self.epsilon).sqrt();
            let factor = simd.splat_f32s(inverse);
            for ((output, value), gamma) in output.iter_mut().zip(input).zip(gamma) {
                *output = simd.mul_f32s(simd.mul_f32s(*value, factor), *gamma);
            }
            for ((output, value), gamma) in output_rest.iter_mut().zip(rest).zip(gamma_rest) {
                *output = value * inverse * gamma;
            }
        }
    }
}
