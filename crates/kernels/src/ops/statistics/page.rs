//! Measurements of one width that are merged and read back together.

use burn::{
    backend::Dispatch,
    tensor::{DType, Device, Int, Tensor, TensorData},
};

use super::{
    StatisticsOps,
    kernel::PARTIAL_PARTS,
    layout::{count, row_floats},
};
use crate::{
    Capability,
    ops::pairs::{CHUNK, PAIR_PARTS},
};

/// Bytes of partial results that a page may take.
const PAGE_BYTES: usize = 1 << 24;
/// Measurements of a page at most: what is not used of one is read back all the same.
const MOST_SLOTS: usize = 16;

/// Room for measurements of so many channels. See [`layout`](super::layout) for what lies where.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub channels: usize,
    /// Measurements that it has room for.
    pub slots: usize,
    /// Measurements that it holds.
    pub used: usize,
    pub partials: Tensor<1>,
    pub results: Tensor<1>,
    pub counts: Tensor<1, Int>,
}

impl Page {
    /// For activations of one shape, of which about `expected` are still to come.
    pub fn new([batch, tokens, channels]: [usize; 3], expected: usize, device: &Device) -> Self {
        // The CPU has results at once, and nothing to save by leaving them together.
        let has_own_memory = Capability::of(device).has_own_memory;
        let partials = batch * tokens.div_ceil(CHUNK) * PARTIAL_PARTS * channels;
        let most = PAGE_BYTES / (size_of::<f32>() * partials.max(1));
        let slots = if has_own_memory {
            expected.min(most).clamp(1, MOST_SLOTS)
        } else {
            1
        };
        let rows = if has_own_memory { slots * batch } else { 0 };
        let floats = |count: usize| Tensor::<1>::empty([count], (device, DType::F32));
        // Zeros are uploaded, which costs no dispatch.
        let zeros = TensorData::new(vec![0i32; rows * count::PARTS], [rows * count::PARTS]);
        Self {
            channels,
            slots,
            used: 0,
            partials: floats(if has_own_memory { slots * partials } else { 0 }),
            results: floats(rows * (row_floats(channels) + tokens * PAIR_PARTS)),
            counts: Tensor::from_data(zeros, (device, DType::I32)),
        }
    }

    /// With everything that results must have.
    pub fn merged(self, batch: usize, tokens: usize) -> Self {
        let results = <Dispatch as StatisticsOps>::merge(
            self.partials.clone().into_dispatch(),
            self.results.into_dispatch(),
            self.used * batch,
            tokens.div_ceil(CHUNK),
            self.channels,
        );
        Self {
            results: Tensor::from_dispatch(results),
            ..self
        }
    }
}
