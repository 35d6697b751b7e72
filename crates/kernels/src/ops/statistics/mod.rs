//! Statistics of an activation, and on the way of them how a block's output differs from its input.
//!
//! A [`Recorder`] starts the work for one activation after the other and reads nothing back until the end, when it fetches
//! the results of all of them together. The definition, in float64, is `layerlab_stats::reference::sequence`.

mod collect;
mod cpu;
mod gpu;
mod kernel;
mod layout;
mod moments;
mod page;
mod recorder;

pub use collect::BatchStatistics;
pub use recorder::Recorder;

use burn::backend::{
    Backend, backend_extension,
    tensor::{FloatTensor, IntTensor},
};

/// Where a measurement goes, and what of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    /// Of the page's slots, from 0.
    pub slot: usize,
    /// How many the page has.
    pub slots: usize,
    /// See [`threshold_bits`](layout::threshold_bits).
    pub threshold_bits: u32,
    /// Whether pairs are compared too.
    pub with_pair: bool,
}

/// What backends implement. See [`layout`](layout) for what the results hold.
#[backend_extension(Cube, Flex)]
pub(crate) trait StatisticsOps: Backend {
    /// Measures `hidden` `[batch, tokens, channels]` into a slot of a page, and gives the page's partials,
    /// results and counts with it. With pairs also the pair sums against `other`. The results of a GPU lack what
    /// [`merge`](Self::merge) adds; the CPU ignores the page that it is given, which has one slot.
    fn statistics(
        hidden: FloatTensor<Self>,
        other: FloatTensor<Self>,
        mask: IntTensor<Self>,
        partials: FloatTensor<Self>,
        results: FloatTensor<Self>,
        counts: IntTensor<Self>,
        wanted: Slot,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, IntTensor<Self>);

    /// Adds means and totals of the first `rows` of a page to its results.
    fn merge(
        partials: FloatTensor<Self>,
        results: FloatTensor<Self>,
        rows: usize,
        chunks: usize,
        channels: usize,
    ) -> FloatTensor<Self>;
}
