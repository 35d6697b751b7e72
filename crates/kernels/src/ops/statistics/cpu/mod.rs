//! The same statistics on the CPU, in float64, sequences in parallel.

mod counts;
mod sequence;
mod sums;

use burn::{
    backend::{Flex, flex::FlexTensor},
    tensor::TensorData,
};

use super::{
    Slot, StatisticsOps,
    layout::{QUANTUM, UNIT_OF_ONE, count, row_floats},
};
use crate::ops::{cpu::each, pairs::cpu::token_sums};
use sequence::one_sequence;

impl StatisticsOps for Flex {
    fn statistics(
        hidden: FlexTensor,
        other: FlexTensor,
        mask: FlexTensor,
        partials: FlexTensor,
        _results: FlexTensor,
        _counts: FlexTensor,
        Slot {
            threshold_bits,
            with_pair,
            ..
        }: Slot,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let [batch, tokens, channels] = hidden.layout().shape().dims();
        let (hidden, other) = (hidden.to_contiguous(), other.to_contiguous());
        let mask = mask.to_contiguous();
        let (rows, others) = (hidden.storage::<f32>(), other.storage::<f32>());
        let mask = mask.storage::<i32>();
        let found = each(batch, |sequence| {
            let range = sequence * tokens * channels..(sequence + 1) * tokens * channels;
            let mask = &mask[sequence * tokens..(sequence + 1) * tokens];
            let rows = &rows[range.clone()];
            let result = one_sequence(rows, channels, mask, threshold_bits);
            let sums = with_pair.then(|| token_sums(&others[range], rows, channels));
            (result, sums)
        });
        let mut results = Vec::with_capacity(batch * row_floats(channels));
        let mut counts = Vec::with_capacity(batch * count::PARTS);
        let mut pairs = Vec::new();
        for (result, sums) in found {
            results.extend(result.means.iter().map(|mean| mean / f64::from(QUANTUM)));
            results.resize(results.len() + channels, 0.0);
            results.resize(results.len() + channels, UNIT_OF_ONE);
            results.extend(result.totals);
            counts.extend(result.counts);
            pairs.extend(sums.into_iter().flatten());
        }
        results.append(&mut pairs);
        let [floats, integers] = [results.len(), counts.len()];
        (
            partials,
            FlexTensor::from_data(TensorData::new(results, [floats])),
            FlexTensor::from_data(TensorData::new(counts, [integers])),
        )
    }

    fn merge(
        _partials: FlexTensor,
        results: FlexTensor,
        _rows: usize,
        _chunks: usize,
        _channels: usize,
    ) -> FlexTensor {
        results
    }
}
