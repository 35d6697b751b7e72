//! Products tile by tile, for WebAssembly: with what gemm compiles to there, the page scores a sixth fewer tokens a second.

use pulp::{Simd, WithSimd};

use super::{matrix::Matrix, product::Columns};

/// Rows of a tile, which share what is loaded of the other matrix.
pub(super) const ROWS: usize = 4;
/// Vectors of columns of a tile.
const VECTORS: usize = 2;

/// A product of matrices that go together and lie within their values; the rows of `a`, [`ROWS`] of them or more, one
/// after the other.
pub(super) struct Tiles<'a> {
    pub a: &'a Matrix<'a>,
    pub b: &'a Matrix<'a>,
    pub output: Columns<'a>,
}

// No closures in what follows: they would not be compiled for the wide instructions.
impl WithSimd for Tiles<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let ([rows, inner], [_, columns]) = (self.a.shape, self.b.shape);
        let width = VECTORS * S::F32_LANES;
        let mut panel = vec![0.0; inner * width];
        let mut tile = vec![0.0; ROWS * width];
        for column in (0..columns).step_by(width) {
            let wide = width.min(columns - column);
            pack(self.b, column..column + wide, width, &mut panel);
            let (panel, _) = S::as_simd_f32s(&panel);
            for row in (0..rows).step_by(ROWS) {
                // The last rows are taken again rather than fewer at once.
                let row = row.min(rows - ROWS);
                let rows = &self.a.values[row * inner..(row + ROWS) * inner];
                multiply(simd, rows, panel, &mut tile);
                for (number, tile) in tile.chunks_exact(width).enumerate() {
                    let output = self.output.row(row + number, column..column + wide);
                    output.copy_from_slice(&tile[..wide]);
                }
            }
        }
    }
}

/// Columns of `matrix`, as `[inner, width]`.
#[inline(always)]
fn pack(matrix: &Matrix<'_>, columns: std::ops::Range<usize>, width: usize, panel: &mut [f32]) {
    panel.fill(0.0);
    let [down, right] = matrix.strides;
    for (number, column) in columns.enumerate() {
        let column = &matrix.values[column * right as usize..];
        let column = column.iter().step_by(down.max(1) as usize);
        for (row, value) in panel.chunks_exact_mut(width).zip(column) {
            row[number] = *value;
        }
    }
}

/// Rows `[ROWS, inner]` times a panel `[inner, VECTORS]` into a tile `[ROWS, VECTORS]`.
#[inline(always)]
fn multiply<S: Simd>(simd: S, rows: &[f32], panel: &[S::f32s], tile: &mut [f32]) {
    let (a, rest) = rows.split_at(rows.len() / ROWS);
    let (b, rest) = rest.split_at(a.len());
    let (c, d) = rest.split_at(a.len());
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    let steps = a.iter().zip(b).zip(c).zip(d);
    for ((((a, b), c), d), panel) in steps.zip(panel.as_chunks::<VECTORS>().0) {
        for (sums, value) in sums.iter_mut().zip([a, b, c, d]) {
            let value = simd.splat_f32s(*value);
            for (sum, panel) in sums.iter_mut().zip(panel) {
                *sum = simd.mul_add_e_f32s(value, *panel, *sum);
            }
        }
    }
    let (tile, _) = S::as_mut_simd_f32s(tile);
    tile.copy_from_slice(sums.as_flattened());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::cpu::vectorised;

    /// Numbers without a pattern, in −1 to 1.
    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let scrambled = |index: u32| (index ^ seed).wrapping_mul(0x9e37_79b9).rotate_left(13);
        let numbers = (0..count as u32).map(|index| scrambled(scrambled(index)));
        numbers
            .map(|bits| bits as f32 / 2f32.powi(31) - 1.0)
            .collect()
    }

    #[test]
    fn tiles_equal_float64() {
        for (rows, inner, columns) in [(4, 1, 1), (5, 3, 33), (9, 128, 70), (64, 352, 128)] {
            let (a, b) = (numbers(rows * inner, 1), numbers(inner * columns, 2));
            // As it is and transposed.
            for strides in [[columns as isize, 1], [1, inner as isize]] {
                let mut output = vec![f32::NAN; rows * columns];
                let left = Matrix {
                    values: &a,
                    shape: [rows, inner],
                    strides: [inner as isize, 1],
                };
                let right = Matrix {
                    values: &b,
                    shape: [inner, columns],
                    strides,
                };
                vectorised(Tiles {
                    a: &left,
                    b: &right,
                    output: Columns::new(&mut output, columns),
                });
                for (place, found) in output.iter().enumerate() {
                    let (row, column) = (place / columns, place % columns);
                    let product = |step: usize| {
                        let at = step * strides[0] as usize + column * strides[1] as usize;
                        f64::from(a[row * inner + step]) * f64::from(b[at])
                    };
                    let expected: f64 = (0..inner).map(product).sum();
                    let off = (f64::from(*found) - expected).abs();
                    assert!(
                        off <= 1e-6 * (inner as f64).sqrt().max(1.0),
                        "{rows} {inner} {columns} at {place}"
                    );
                }
            }
        }
    }
}
