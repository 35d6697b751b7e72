//! Log-probabilities on the processor, without those of all other tokens.

use burn::backend::{Flex, flex::FlexTensor};
use pulp::{Simd, WithSimd};

use super::{
    super::cpu::{FlexValues, by_parts, exponential, tensor, vectorised},
    LikelihoodOps, by_definition,
};

/// Logits whose exponentials are summed in float32 before they go into a sum in float64.
const AT_ONCE: usize = 1 << 12;
/// Rows that one thread takes at once.
const ROWS: usize = 16;

impl LikelihoodOps for Flex {
    fn log_probabilities(logits: FlexTensor, ids: &[i32]) -> FlexTensor {
        fast(&logits, ids).unwrap_or_else(|| by_definition::<Self>(logits, ids))
    }
}

fn fast(logits: &FlexTensor, ids: &[i32]) -> Option<FlexTensor> {
    let [_, vocabulary] = logits.layout().shape().dims();
    let values = FlexValues::of(logits)?;
    let values = values.get();
    let mut output = vec![0.0; ids.len()];
    by_parts(&mut output, ROWS, |part, output| {
        let rows = values[part * ROWS * vocabulary..].chunks_exact(vocabulary);
        let ids = &ids[part * ROWS..];
        for ((output, row), id) in output.iter_mut().zip(rows).zip(ids) {
            let logit = row.get(*id as usize).copied().unwrap_or(f32::NAN);
            let logarithm = vectorised(LogSum(row));
            *output = (f64::from(logit) - logarithm) as f32;
        }
    });
    let targets = output.len();
    Some(tensor(output, [targets]))
}

/// ln ∑ e^x
struct LogSum<'a>(&'a [f32]);

impl WithSimd for LogSum<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (vectors, rest) = S::as_simd_f32s(self.0);
        let mut greatest = simd.splat_f32s(f32::NEG_INFINITY);
        for values in vectors {
            greatest = simd.max_f32s(greatest, *values);
        }
        let mut most = simd.reduce_max_f32s(greatest);
        for value in rest {
            most = most.max(*value);
        }
        let greatest = simd.splat_f32s(most);
        let mut total = 0.0;
        for vectors in vectors.chunks(AT_ONCE / S::F32_LANES) {
            let mut sum = simd.splat_f32s(0.0);
            for values in vectors {
                sum = simd.add_f32s(sum, exponential(simd, simd.sub_f32s(*values, greatest)));
            }
            total += f64::from(simd.reduce_sum_f32s(sum));
        }
        for value in rest {
            total += f64::from(*value - most).exp();
        }
        f64::from(most) + total.ln()
    }
}
