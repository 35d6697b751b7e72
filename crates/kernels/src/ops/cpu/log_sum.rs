//! ln ∑ eˣ of many numbers.

use pulp::{Simd, WithSimd};

use super::exponential;

/// Numbers whose exponentials are summed in float32 before they go into a sum in float64.
const AT_ONCE: usize = 1 << 12;

/// ln ∑ eˣ
pub(in crate::ops) struct LogSum<'a>(pub &'a [f32]);

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
