//! The same statistics on the CPU, in float64: two passes over each sequence, sequences in parallel.

mod pair;
mod sequence;

use burn::{
    backend::{Flex, flex::FlexTensor},
    tensor::TensorData,
};
#[cfg(not(target_arch = "wasm32"))]
use rayon::prelude::*;

use super::StatisticsOps;
use crate::layout::{MEAN_PARTS, PAIR_PARTS, QUANTUM, UNIT_OF_ONE, count, total};
use pair::token_sums;
use sequence::one_sequence;

impl StatisticsOps for Flex {
    fn statistics(
        hidden: FlexTensor,
        other: FlexTensor,
        mask: FlexTensor,
        threshold_bits: u32,
        with_pair: bool,
    ) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
        let hidden = hidden.to_contiguous();
        let other = other.to_contiguous();
        let mask = mask.to_contiguous();
        let [batch, tokens, channels] = hidden.layout().shape().dims();
        let rows = hidden.storage::<f32>();
        let mask = mask.storage::<i32>();
        let results = each(batch, |sequence| {
            let range = sequence * tokens * channels..(sequence + 1) * tokens * channels;
            let mask = &mask[sequence * tokens..(sequence + 1) * tokens];
            one_sequence(&rows[range], channels, mask, threshold_bits)
        });
        let mut means = Vec::with_capacity(batch * MEAN_PARTS * channels);
        let mut totals = Vec::with_capacity(batch * total::PARTS);
        let mut counts = Vec::with_capacity(batch * count::PARTS);
        for result in results {
            means.extend(result.means.iter().map(|mean| mean / f64::from(QUANTUM)));
            means.resize(means.len() + channels, 0.0);
            means.resize(means.len() + channels, UNIT_OF_ONE);
            totals.extend(result.totals);
            counts.extend(result.counts);
        }
        let pairs = match with_pair {
            true => Self::pair_sums_of(&other, &hidden, [batch, tokens, channels]),
            false => {
                FlexTensor::from_data(TensorData::new(vec![0.0f64; PAIR_PARTS], [1, PAIR_PARTS]))
            }
        };
        (
            FlexTensor::from_data(TensorData::new(means, [batch, MEAN_PARTS, channels])),
            FlexTensor::from_data(TensorData::new(totals, [batch, total::PARTS])),
            FlexTensor::from_data(TensorData::new(counts, [batch, count::PARTS])),
            pairs,
        )
    }

    fn pair_sums(input: FlexTensor, output: FlexTensor, _mask: FlexTensor) -> FlexTensor {
        let shape = input.layout().shape().dims();
        Self::pair_sums_of(&input.to_contiguous(), &output.to_contiguous(), shape)
    }
}

trait PairSums {
    fn pair_sums_of(input: &FlexTensor, output: &FlexTensor, shape: [usize; 3]) -> FlexTensor;
}

impl PairSums for Flex {
    fn pair_sums_of(
        input: &FlexTensor,
        output: &FlexTensor,
        [batch, tokens, channels]: [usize; 3],
    ) -> FlexTensor {
        let (input, output) = (input.storage::<f32>(), output.storage::<f32>());
        let sums = each(batch, |sequence| {
            let range = sequence * tokens * channels..(sequence + 1) * tokens * channels;
            let rows = input[range.clone()]
                .chunks(channels)
                .zip(output[range].chunks(channels));
            token_sums(rows)
        });
        let shape = [batch, tokens, PAIR_PARTS];
        FlexTensor::from_data(TensorData::new(sums.concat(), shape))
    }
}

/// Applies `work` to every sequence, in parallel where there are threads.
fn each<T: Send>(batch: usize, work: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    #[cfg(not(target_arch = "wasm32"))]
    return (0..batch).into_par_iter().map(work).collect();
    #[cfg(target_arch = "wasm32")]
    return (0..batch).map(work).collect();
}
