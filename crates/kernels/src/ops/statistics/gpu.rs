//! Launches the compute shader on the devices of CubeCL.

use burn::backend::Cube;
use burn_cubecl::{kernel::into_contiguous, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{
    Slot, StatisticsOps,
    kernel::{MERGE_UNITS, measure_chunk, merge_chunks},
    layout::row_floats,
};
use crate::ops::pairs::{CHUNK, PAIR_PARTS, UNITS};

impl StatisticsOps for Cube {
    fn statistics(
        hidden: CubeTensor,
        other: CubeTensor,
        mask: CubeTensor,
        partials: CubeTensor,
        results: CubeTensor,
        counts: CubeTensor,
        Slot {
            slot,
            slots,
            threshold_bits,
            with_pair,
        }: Slot,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let (hidden, other) = (into_contiguous(hidden), into_contiguous(other));
        let mask = into_contiguous(mask);
        let [batch, tokens, channels] = hidden.meta.shape().dims();
        let first_row = slot * batch;
        let pairs = slots * batch * row_floats(channels) + first_row * tokens * PAIR_PARTS;
        let client = hidden.client.clone();
        measure_chunk::launch(
            &client,
            CubeCount::Static(tokens.div_ceil(CHUNK) as u32, batch as u32, 1),
            CubeDim::new_1d(UNITS as u32),
            hidden.into_buffer_arg(),
            other.into_buffer_arg(),
            mask.into_buffer_arg(),
            partials.clone().into_buffer_arg(),
            counts.clone().into_buffer_arg(),
            results.clone().into_buffer_arg(),
            tokens as u32,
            channels as u32,
            first_row as u32,
            pairs as u32,
            threshold_bits,
            with_pair,
        );
        (partials, results, counts)
    }

    fn merge(
        partials: CubeTensor,
        results: CubeTensor,
        rows: usize,
        chunks: usize,
        channels: usize,
    ) -> CubeTensor {
        let client = results.client.clone();
        merge_chunks::launch(
            &client,
            CubeCount::Static(rows as u32, 1, 1),
            CubeDim::new_1d(MERGE_UNITS as u32),
            partials.into_buffer_arg(),
            results.clone().into_buffer_arg(),
            chunks as u32,
            channels as u32,
        );
        results
    }
}
