//! Divergences on the processor: two passes over each row, and no tensors between.

use std::sync::atomic::{AtomicU32, Ordering};

use burn::backend::{Flex, flex::FlexTensor};
use pulp::{Simd, WithSimd};

use super::{
    super::cpu::{FlexValues, LogSum, by_parts, exponential, tensor, vectorised},
    DivergenceOps, by_definition,
};

/// Terms that are summed in float32 before they go into a sum in float64.
const AT_ONCE: usize = 1 << 12;

impl DivergenceOps for Flex {
    fn divergences(wanted: FlexTensor, found: FlexTensor) -> (FlexTensor, FlexTensor) {
        fast(&wanted, &found).unwrap_or_else(|| by_definition::<Self>(wanted, found))
    }
}

/// None where the logits are not float32.
fn fast(wanted: &FlexTensor, found: &FlexTensor) -> Option<(FlexTensor, FlexTensor)> {
    let [rows, columns] = found.layout().shape().dims();
    let (wanted, found) = (FlexValues::of(wanted)?, FlexValues::of(found)?);
    let (wanted, found) = (wanted.get(), found.get());
    let mut by_found = vec![0.0; rows * columns];
    // Each is written by the thread that has its row.
    let sums: Vec<AtomicU32> = (0..rows).map(|_| AtomicU32::new(0)).collect();
    by_parts(&mut by_found, columns.max(1), |row, by_found| {
        let of_row = row * columns..(row + 1) * columns;
        let (wanted, found) = (&wanted[of_row.clone()], &found[of_row]);
        let sum = vectorised(Row {
            shifts: [wanted, found].map(|logits| vectorised(LogSum(logits)) as f32),
            wanted,
            found,
            by_found,
        });
        sums[row].store((sum as f32).to_bits(), Ordering::Relaxed);
    });
    let sums = sums.into_iter();
    let sums = sums.map(|bits| f32::from_bits(bits.into_inner())).collect();
    Some((tensor(sums, [rows]), tensor(by_found, [rows, columns])))
}

/// One row; its divergence.
struct Row<'a> {
    /// ln ∑ eˣ of both.
    shifts: [f32; 2],
    wanted: &'a [f32],
    found: &'a [f32],
    by_found: &'a mut [f32],
}

impl WithSimd for Row<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (wanted, wanted_rest) = S::as_simd_f32s(self.wanted);
        let (found, found_rest) = S::as_simd_f32s(self.found);
        let (by_found, by_found_rest) = S::as_mut_simd_f32s(self.by_found);
        let shifts = [
            simd.splat_f32s(self.shifts[0]),
            simd.splat_f32s(self.shifts[1]),
        ];
        let size = AT_ONCE / S::F32_LANES;
        let mut total = 0.0;
        for ((wanted, found), by_found) in wanted
            .chunks(size)
            .zip(found.chunks(size))
            .zip(by_found.chunks_mut(size))
        {
            let mut sum = simd.splat_f32s(0.0);
            for ((wanted, found), by_found) in wanted.iter().zip(found).zip(by_found) {
                let log_p = simd.sub_f32s(*wanted, shifts[0]);
                let log_q = simd.sub_f32s(*found, shifts[1]);
                let p = exponential(simd, log_p);
                *by_found = simd.sub_f32s(exponential(simd, log_q), p);
                sum = simd.mul_add_e_f32s(p, simd.sub_f32s(log_p, log_q), sum);
            }
            total += f64::from(simd.reduce_sum_f32s(sum));
        }
        for ((wanted, found), by_found) in wanted_rest.iter().zip(found_rest).zip(by_found_rest) {
            let (log_p, log_q) = (wanted - self.shifts[0], found - self.shifts[1]);
            let p = log_p.exp();
            *by_found = log_q.exp() - p;
            total += f64::from(p * (log_p - log_q));
        }
        total
    }
}
