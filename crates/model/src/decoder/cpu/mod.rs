//! What takes Burn's operations several passes over memory, in one pass on the processor.
//!
//! Every function gives none where a tensor lies on a GPU, is not f32, or is watched for gradients: Burn's operations
//! serve there, and are what these are tested against (`tests.rs`), NaN and infinities included.

mod attention;
mod exponential;
mod gate;
mod heads;
mod likelihood;
mod linear;
mod norm;
mod product;
#[cfg(test)]
mod tests;

pub(super) use attention::mix;
pub(super) use gate::gated;
pub(super) use heads::split;
pub(super) use likelihood::log_probabilities;
pub(super) use linear::linear;
pub(super) use norm::rms;

use burn::{
    backend::{Flex, flex::FlexTensor},
    tensor::{DType, Tensor, TensorData},
};
use pulp::{Arch, WithSimd};
#[cfg(not(target_arch = "wasm32"))]
use rayon::prelude::*;

/// Numbers that one thread takes at once: few enough for its cache, enough to be worth a thread.
const AT_ONCE: usize = 1 << 14;

/// A tensor's numbers, one after the other.
struct Values(FlexTensor);

impl Values {
    fn of<const D: usize>(tensor: &Tensor<D>) -> Option<Self> {
        let tensor = tensor.clone().try_into_primitive::<Flex>().ok()?;
        (tensor.dtype() == DType::F32).then(|| Self(tensor.to_contiguous()))
    }

    /// Empty only where the tensor is.
    fn get(&self) -> &[f32] {
        self.0.as_slice().unwrap_or_default()
    }
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_primitive::<Flex>(FlexTensor::from_data(TensorData::new(values, shape)))
}

/// Hands out parts of `output`, each of whole rows of `width` numbers, with the number of its first row; several threads
/// at once where there are threads.
fn by_rows(output: &mut [f32], width: usize, work: impl Fn(usize, &mut [f32]) + Sync + Send) {
    let rows = (AT_ONCE / width).max(1);
    by_parts(output, rows * width, |part, output| {
        work(part * rows, output);
    });
}

/// The same in parts of `length` numbers, numbered.
fn by_parts(output: &mut [f32], length: usize, work: impl Fn(usize, &mut [f32]) + Sync + Send) {
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
fn vectorised<R>(work: impl WithSimd<Output = R>) -> R {
    Arch::new().dispatch(work)
}
