//! Launches the compute shader on the devices of CubeCL.

use burn::{
    backend::Cube,
    tensor::{DType, Shape},
};
use burn_cubecl::{kernel::into_contiguous, ops::numeric::empty_device_dtype, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{
    StatisticsOps,
    kernel::{CHUNK, MERGE_UNITS, PARTIAL_PARTS, UNITS, measure_chunk, merge_chunks},
    pair::pair_chunk,
};
use crate::layout::{MEAN_PARTS, PAIR_PARTS, count, total};

impl StatisticsOps for Cube {
    fn statistics(
        hidden: CubeTensor,
        other: CubeTensor,
        mask: CubeTensor,
        threshold_bits: u32,
        with_pair: bool,
    ) -> (CubeTensor, CubeTensor, CubeTensor, CubeTensor) {
        let (hidden, other) = (into_contiguous(hidden), into_contiguous(other));
        let mask = into_contiguous(mask);
        let [batch, tokens, channels] = hidden.meta.shape().dims();
        let chunks = tokens.div_ceil(CHUNK);

        let partials = floats(&hidden, [batch, chunks, PARTIAL_PARTS, channels]);
        let means = floats(&hidden, [batch, MEAN_PARTS, channels]);
        let totals = floats(&hidden, [batch, total::PARTS]);
        let pair_rows = if with_pair { batch * tokens } else { 1 };
        let pairs = floats(&hidden, [pair_rows, PAIR_PARTS]);
        // Zeros are uploaded, which costs no dispatch.
        let zeros = vec![0u32; batch * count::PARTS];
        let counts = CubeTensor::new_contiguous(
            hidden.client.clone(),
            hidden.device.clone(),
            Shape::new([batch, count::PARTS]),
            hidden.client.create_from_slice(u32::as_bytes(&zeros)),
            DType::U32,
        );

        let client = hidden.client.clone();
        measure_chunk::launch(
            &client,
            CubeCount::Static(chunks as u32, batch as u32, 1),
            CubeDim::new_1d(UNITS as u32),
            hidden.into_buffer_arg(),
            other.into_buffer_arg(),
            mask.into_buffer_arg(),
            partials.clone().into_buffer_arg(),
            counts.clone().into_buffer_arg(),
            pairs.clone().into_buffer_arg(),
            tokens as u32,
            channels as u32,
            threshold_bits,
            with_pair,
        );
        merge_chunks::launch(
            &client,
            CubeCount::Static(batch as u32, 1, 1),
            CubeDim::new_1d(MERGE_UNITS as u32),
            partials.into_buffer_arg(),
            means.clone().into_buffer_arg(),
            totals.clone().into_buffer_arg(),
            chunks as u32,
            channels as u32,
        );
        let pairs = match with_pair {
            true => shaped(pairs, [batch, tokens, PAIR_PARTS]),
            false => pairs,
        };
        (means, totals, counts, pairs)
    }

    fn pair_sums(input: CubeTensor, output: CubeTensor, _mask: CubeTensor) -> CubeTensor {
        let (input, output) = (into_contiguous(input), into_contiguous(output));
        let [batch, tokens, channels] = input.meta.shape().dims();
        let pairs = floats(&input, [batch, tokens, PAIR_PARTS]);
        let client = input.client.clone();
        pair_chunk::launch(
            &client,
            CubeCount::Static(tokens.div_ceil(CHUNK) as u32, batch as u32, 1),
            CubeDim::new_1d(UNITS as u32),
            input.into_buffer_arg(),
            output.into_buffer_arg(),
            pairs.clone().into_buffer_arg(),
            tokens as u32,
            channels as u32,
        );
        pairs
    }
}

/// An uninitialised tensor beside another.
fn floats<const D: usize>(beside: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    empty_device_dtype(
        beside.client.clone(),
        beside.device.clone(),
        Shape::new(shape),
        DType::F32,
    )
}

/// The same contiguous values under another shape.
fn shaped<const D: usize>(tensor: CubeTensor, shape: [usize; D]) -> CubeTensor {
    CubeTensor::new_contiguous(
        tensor.client,
        tensor.device,
        Shape::new(shape),
        tensor.handle,
        tensor.dtype,
    )
}
