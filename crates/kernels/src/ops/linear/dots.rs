//! Products of few rows, as in generation: some outputs' weights are decoded, and multiplied while they are in the fastest cache. What
//! gemm arranges before a product would take longer than the product.

use pulp::{Simd, WithSimd};

use super::{panels::InPanels, product::Columns};

/// Outputs that share what is loaded of a row, and rows that share what is loaded of an output.
const TILE: usize = 4;

/// Rows `[rows, inner]`, one after the other, times some neighbouring outputs of a weight, the first of which is `first`.
pub(super) struct Dots<'a, W> {
    pub rows: &'a [f32],
    pub inner: usize,
    pub weight: &'a W,
    pub first: usize,
    pub output: Columns<'a>,
}

// No closures in what follows: they would not be compiled for the wide instructions.
impl<W: InPanels> WithSimd for Dots<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let inner = self.inner.max(1);
        let mut weights = vec![0.0; TILE * inner];
        for column in (0..self.output.width()).step_by(TILE) {
            let wide = TILE.min(self.output.width() - column);
            for (number, weights) in weights.chunks_exact_mut(inner).take(wide).enumerate() {
                self.weight.output(self.first + column + number, weights);
            }
            for (number, rows) in self.rows.chunks(TILE * inner).enumerate() {
                let sums = match rows.len() / inner {
                    1 => tile::<S, 1>(simd, rows, &weights),
                    2 => tile::<S, 2>(simd, rows, &weights),
                    3 => tile::<S, 3>(simd, rows, &weights),
                    _ => tile::<S, TILE>(simd, rows, &weights),
                };
                for (row, sums) in sums.iter().take(rows.len() / inner).enumerate() {
                    let output = self.output.row(number * TILE + row, column..column + wide);
                    output.copy_from_slice(&sums[..wide]);
                }
            }
        }
    }
}

/// Rows `[R, inner]` times outputs `[TILE, inner]`.
#[inline(always)]
fn tile<S: Simd, const R: usize>(simd: S, rows: &[f32], weights: &[f32]) -> [[f32; TILE]; TILE] {
    let inner = rows.len() / R;
    let whole = inner / S::F32_LANES;
    let row: [&[S::f32s]; R] = std::array::from_fn(|number| {
        &S::as_simd_f32s(&rows[number * inner..(number + 1) * inner]).0[..whole]
    });
    let column: [&[S::f32s]; TILE] = std::array::from_fn(|number| {
        &S::as_simd_f32s(&weights[number * inner..(number + 1) * inner]).0[..whole]
    });
    let mut sums = [[simd.splat_f32s(0.0); TILE]; R];
    for step in 0..whole {
        for number in 0..R {
            for other in 0..TILE {
                let sum = &mut sums[number][other];
                *sum = simd.mul_add_e_f32s(row[number][step], column[other][step], *sum);
            }
        }
    }
    let mut found = [[0.0; TILE]; TILE];
    for number in 0..R {
        for other in 0..TILE {
            let mut sum = simd.reduce_sum_f32s(sums[number][other]);
            // Inputs that fill no vector.
            for step in whole * S::F32_LANES..inner {
                sum += rows[number * inner + step] * weights[other * inner + step];
            }
            found[number][other] = sum;
        }
    }
    found
}
