//! Products with weights that are held otherwise than as float32: a panel of them at a time is decoded.

#[cfg(not(target_arch = "wasm32"))]
use rayon::prelude::*;

use super::{
    dots::Dots,
    matrix::Matrix,
    product::{Columns, product},
};
use crate::ops::cpu::vectorised;

/// Values of a panel where few rows are multiplied, so that it stays in the fastest cache.
const SMALL: usize = 1 << 13;
/// Values of a panel where many are: `gemm` arranges the rows anew for each panel, which wide ones make up for.
const LARGE: usize = 1 << 18;
/// Rows that are many.
const MANY_ROWS: usize = 16;
/// Rows that are so few that what `gemm` arranges would cost more than the product: those of generation. In WebAssembly there are too few
/// registers for several rows.
const FEW_ROWS: usize = if cfg!(target_arch = "wasm32") { 4 } else { 33 };
/// Values of a weight that a thread takes at once then.
const DOTS: usize = 1 << 16;

/// A weight `[inputs, outputs]` of which neighbouring outputs can be decoded.
pub(super) trait InPanels: Sync {
    /// Inputs and outputs.
    fn shape(&self) -> [usize; 2];

    /// Outputs that are decoded together: a panel begins at a multiple of this, and but for the last is a multiple wide.
    fn together(&self) -> usize;

    /// `width` outputs from `first` on, as float32.
    fn panel(&self, first: usize, width: usize) -> Panel;

    /// Whether the inputs of an output lie one after the other, so that [`output`](Self::output) can decode them.
    fn is_outputs_first(&self) -> bool;

    /// All inputs of one output, as float32.
    fn output(&self, output: usize, values: &mut [f32]);
}

/// Neighbouring outputs of a weight, as float32.
pub(super) struct Panel {
    pub values: Vec<f32>,
    /// Inputs and outputs.
    pub shape: [usize; 2],
    /// Whether the inputs of an output lie one after the other, as checkpoints have it; else the outputs of an input do.
    pub outputs_first: bool,
}

impl Panel {
    fn matrix(&self) -> Matrix<'_> {
        let [inputs, width] = self.shape.map(usize::cast_signed);
        Matrix {
            values: &self.values,
            shape: self.shape,
            strides: match self.outputs_first {
                true => [1, inputs],
                false => [width, 1],
            },
        }
    }
}

/// Rows `a` times the weight, into the rows of `output`; none where their shapes do not go together.
pub(super) fn by_panels(a: &Matrix<'_>, weight: &impl InPanels, output: &mut [f32]) -> Option<()> {
    let ([rows, inner], [inputs, outputs]) = (a.shape, weight.shape());
    if inner != inputs || output.len() != rows * outputs {
        return None;
    }
    let is_plain = a.strides == [inner.cast_signed(), 1] && a.is_within();
    if rows < FEW_ROWS && is_plain && weight.is_outputs_first() {
        let parts = Columns::new(output, outputs).parts((DOTS / inner.max(1)).max(1));
        each(parts, |(first, output)| {
            let rows = &a.values[..rows * inner];
            vectorised(Dots {
                rows,
                inner,
                weight,
                first,
                output,
            });
            Some(())
        })?;
        return Some(());
    }
    let values = if rows < MANY_ROWS { SMALL } else { LARGE };
    let width = (values / inner.max(1)).max(1);
    let width = width.next_multiple_of(weight.together().max(1));
    let parts = Columns::new(output, outputs).parts(width);
    each(parts, |(first, part)| {
        let panel = weight.panel(first, part.width());
        product(a, &panel.matrix(), part)
    })
}

/// Does something with every part, each of which has a thread of its own where there are threads.
fn each<'a>(
    parts: Vec<(usize, Columns<'a>)>,
    work: impl Fn((usize, Columns<'a>)) -> Option<()> + Sync + Send,
) -> Option<()> {
    #[cfg(not(target_arch = "wasm32"))]
    return parts.into_par_iter().map(work).collect();
    #[cfg(target_arch = "wasm32")]
    return parts.into_iter().map(work).collect();
}
