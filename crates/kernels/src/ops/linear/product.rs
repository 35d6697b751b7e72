//! Products of matrices.

use std::marker::PhantomData;

use gemm::Parallelism;

use super::{
    super::cpu::vectorised,
    matrix::Matrix,
    tiles::{self, Tiles},
};

/// Neighbouring columns of a matrix that is written to, row after row.
pub(super) struct Columns<'a> {
    first: *mut f32,
    rows: usize,
    width: usize,
    /// From one row to the next.
    step: usize,
    matrix: PhantomData<&'a mut [f32]>,
}

#[allow(
    unsafe_code,
    reason = "columns are written by several threads, each of which has some of its own"
)]
// SAFETY: it is a mutable borrow of columns that nobody else has.
unsafe impl Send for Columns<'_> {}

impl<'a> Columns<'a> {
    /// All of a matrix of so many columns; what is left of the last row is no part of it.
    pub fn new(matrix: &'a mut [f32], columns: usize) -> Self {
        Self {
            first: matrix.as_mut_ptr(),
            rows: matrix.len().checked_div(columns).unwrap_or(0),
            width: columns,
            step: columns,
            matrix: PhantomData,
        }
    }

    /// The same in parts of `width` columns at most, each with the number of its first.
    pub fn parts(self, width: usize) -> Vec<(usize, Columns<'a>)> {
        let firsts = (0..self.width).step_by(width.max(1));
        let parts = firsts.map(|first| {
            let part = Columns {
                first: self.first.wrapping_add(first),
                width: width.min(self.width - first),
                ..self
            };
            (first, part)
        });
        parts.collect()
    }

    /// How many columns these are.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Some neighbouring values of one row.
    #[allow(unsafe_code, reason = "rows of one part lie between those of others")]
    pub fn row(&mut self, row: usize, columns: std::ops::Range<usize>) -> &mut [f32] {
        assert!(row < self.rows && columns.start <= columns.end && columns.end <= self.width);
        // SAFETY: these columns are borrowed alone, and this row and its columns are among them.
        unsafe {
            let first = self.first.add(row * self.step + columns.start);
            std::slice::from_raw_parts_mut(first, columns.len())
        }
    }
}

/// `a` times `b` into `output`; none where their shapes do not go together.
#[allow(
    unsafe_code,
    reason = "gemm takes pointers; what they reach is checked first"
)]
pub(super) fn product(a: &Matrix<'_>, b: &Matrix<'_>, output: Columns<'_>) -> Option<()> {
    let ([rows, inner], [b_inner, columns]) = (a.shape, b.shape);
    let fits = inner == b_inner && [output.rows, output.width] == [rows, columns];
    if !fits || !a.is_within() || !b.is_within() {
        return None;
    }
    if cfg!(target_arch = "wasm32") && rows >= tiles::ROWS && a.strides == [inner as isize, 1] {
        vectorised(Tiles { a, b, output });
        return Some(());
    }
    #[cfg(not(target_arch = "wasm32"))]
    let threads = Parallelism::Rayon(0);
    #[cfg(target_arch = "wasm32")]
    let threads = Parallelism::None;
    // SAFETY: every element of `a` and `b` lies within their values, `output` has a place for every element of the
    // product and is borrowed alone.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            output.first,
            1,
            output.step as isize,
            false,
            a.values.as_ptr(),
            a.strides[1],
            a.strides[0],
            b.values.as_ptr(),
            b.strides[1],
            b.strides[0],
            0.0f32,
            1.0f32,
            false,
            false,
            false,
            threads,
        );
    }
    Some(())
}
