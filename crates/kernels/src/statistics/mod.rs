//! Statistics of an activation, and of how a block's output differs from its input.

mod cpu;
mod gpu;
mod kernel;
mod moments;
mod pair;

use burn::backend::{
    Backend, backend_extension,
    tensor::{FloatTensor, IntTensor},
};

pub(crate) use kernel::{CHUNK, PARTIAL_PARTS};

/// What backends implement. See [`layout`](crate::layout) for what the results hold.
#[backend_extension(Cube, Flex)]
pub(crate) trait StatisticsOps: Backend {
    /// Measures `hidden` `[batch, tokens, channels]` into one of the `slots` of a page, and gives the page's partials,
    /// results and counts with it. With `with_pair` also the pair sums against `other`. The results of a GPU lack what
    /// [`merge`](Self::merge) adds; the CPU ignores the page that it is given, which has one slot.
    fn statistics(
        hidden: FloatTensor<Self>,
        other: FloatTensor<Self>,
        mask: IntTensor<Self>,
        partials: FloatTensor<Self>,
        results: FloatTensor<Self>,
        counts: IntTensor<Self>,
        slot: usize,
        slots: usize,
        threshold_bits: u32,
        with_pair: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, IntTensor<Self>);

    /// Adds means and totals of the first `rows` of a page to its results.
    fn merge(
        partials: FloatTensor<Self>,
        results: FloatTensor<Self>,
        rows: usize,
        chunks: usize,
        channels: usize,
    ) -> FloatTensor<Self>;

    /// The pair sums `[batch, tokens, 4]` alone.
    fn pair_sums(
        input: FloatTensor<Self>,
        output: FloatTensor<Self>,
        mask: IntTensor<Self>,
    ) -> FloatTensor<Self>;
}
