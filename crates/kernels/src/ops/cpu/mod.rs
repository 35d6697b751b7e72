//! What fast forms on the processor share.

mod exponential;
mod log_sum;

pub(super) use exponential::exponential;
pub(super) use log_sum::LogSum;

use burn::{
    backend::flex::FlexTensor,
    tensor::{DType, TensorData},
};
use pulp::{Arch, WithSimd};
#[cfg(not(target_arch = "wasm32"))]
use rayon::prelude::*;

/// Numbers that one thread takes at once: few enough for its cache, enough to be worth a thread.
pub(super) const AT_ONCE: usize = 1 << 14;

/// A tensor's numbers, one after the other.
pub(super) struct FlexValues(FlexTensor);

impl FlexValues {
    /// None where they are not float32.
    pub fn of(tensor: &FlexTensor) -> Option<Self> {
        (tensor.dtype() == DType::F32).then(|| Self(tensor.to_contiguous()))
    }

    /// Empty only where the tensor is.
    pub fn get(&self) -> &[f32] {
        self.0.as_slice().unwrap_or_default()
    }
}

pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// Hands out parts of `output`, each of whole rows of `width` numbers, with the number of its first row; several threads
/// at once where there are threads.
pub(super) fn by_rows(
    output: &mut [f32],
    width: usize,
    work: impl Fn(usize, &mut [f32]) + Sync + Send,
) {
    let rows = (AT_ONCE / width).max(1);
    by_parts(output, rows * width, |part, output| {
        work(part * rows, output);
    });
}

/// The same in parts of `length` numbers, numbered.
pub(super) fn by_parts(
    output: &mut [f32],
    length: usize,
    work: impl Fn(usize, &mut [f32]) + Sync + Send,
) {
    if output.is_empty() {
        return;
    }
    #[cfg(not(target_arch = "wasm32"))]
    if output.len() > length {
        let parts = output.par_chunks_mut(length).enumerate();
        return parts.for_each(|(part, output)| work(part, output));
    }
    let parts = output.chunks_mut(length).enumerate();
    parts.for_each(|(part, output)| work(part, output));
}

/// Runs with the widest vector instructions that the processor has.
pub(super) fn vectorised<R>(work: impl WithSimd<Output = R>) -> R {
    Arch::new().dispatch(work)
}

/// Applies `work` to every sequence of a batch, in parallel where there are threads.
pub(super) fn each<T: Send>(batch: usize, work: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    #[cfg(not(target_arch = "wasm32"))]
    return (0..batch).into_par_iter().map(work).collect();
    #[cfg(target_arch = "wasm32")]
    return (0..batch).map(work).collect();
}
