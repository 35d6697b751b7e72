//! Log-probabilities of given tokens, without those of all others.

use burn::tensor::Tensor;
use pulp::{Simd, WithSimd};

use super::{Values, by_parts, exponential::exponential, tensor, vectorised};

/// Logits whose exponentials are summed in float32 before they go into a sum in float64.
const AT_ONCE: usize = 1 << 12;
/// Rows that one thread takes at once.
const ROWS: usize = 16;

/// Natural log-probability `[targets]` of token `ids[i]` by row i of the logits `[1, targets, vocabulary]`.
pub(in super::super) fn log_probabilities(logits: &Tensor<3>, ids: &[i32]) -> Option<Tensor<1>> {
    let [_, _, vocabulary] = logits.dims();
    let values = Values::of(logits)?;
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

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    #[test]
    fn they_are_those_of_float64() {
        for vocabulary in [1, 7, 1000, 9001] {
            let targets = 21;
            let logits: Vec<f32> = (0..targets * vocabulary)
                .map(|place| ((place * 7919) % 1013) as f32 / 40.0 - 9.0)
                .collect();
            let ids: Vec<i32> = (0..targets)
                .map(|row| (row * 31 % vocabulary) as i32)
                .collect();
            let data = TensorData::new(logits.clone(), [1, targets, vocabulary]);
            let found = log_probabilities(&Tensor::from_data(data, &Device::flex()), &ids).unwrap();
            let rows = logits.chunks(vocabulary).zip(&ids);
            for ((row, id), found) in rows.zip(found.into_data().iter::<f64>()) {
                let sum: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum();
                let expected = f64::from(row[*id as usize]) - sum.ln();
                assert!((found - expected).abs() < 2e-6, "{found} {expected}");
            }
        }
    }
}
