//! Products of matrices.

use gemm::Parallelism;

use super::{
    super::cpu::vectorised,
    matrix::Matrix,
    tiles::{self, Tiles},
};

/// `a` times `b` into the rows of `output`; none where their shapes do not go together.
#[allow(
    unsafe_code,
    reason = "gemm takes pointers; what they reach is checked first"
)]
pub(super) fn product(a: &Matrix<'_>, b: &Matrix<'_>, output: &mut [f32]) -> Option<()> {
    let ([rows, inner], [b_inner, columns]) = (a.shape, b.shape);
    let fits = inner == b_inner && output.len() == rows * columns;
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
            output.as_mut_ptr(),
            1,
            columns as isize,
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
