//! The same statistics on the CPU, in float64: two passes over each sequence, sequences in parallel.

use burn::{
    backend::{Flex, flex::FlexTensor},
    tensor::TensorData,
};
use layerlab_stats::{Histogram, Moments};
#[cfg(not(target_arch = "wasm32"))]
use rayon::prelude::*;

use super::StatisticsOps;
use crate::layout::{MEAN_PARTS, PAIR_PARTS, QUANTUM, UNIT_OF_ONE, count, total};

/// Sums are kept in this many lanes, so that the compiler may use vector instructions.
const LANES: usize = 8;

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
            rows.flat_map(|(input, output)| token_sums(input, output))
                .collect::<Vec<f64>>()
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

struct SequenceResult {
    /// Channel means.
    means: Vec<f64>,
    totals: [f64; total::PARTS],
    counts: Vec<i64>,
}

fn one_sequence(
    activation: &[f32],
    channels: usize,
    mask: &[i32],
    threshold_bits: u32,
) -> SequenceResult {
    let real = || {
        let rows = activation.chunks(channels).zip(mask);
        rows.filter(|(_, mask)| **mask == 1).map(|(row, _)| row)
    };
    let mut counts = vec![0i64; count::PARTS];
    let mut present = vec![0u32; channels];
    let mut means = vec![0.0; channels];
    let mut largest = 0;
    for row in real() {
        for ((value, present), sum) in row.iter().zip(&mut present).zip(&mut means) {
            let magnitude = value.to_bits() & 0x7fff_ffff;
            if value.is_finite() {
                *sum += f64::from(*value);
                *present += 1;
                counts[count::BELOW] += i64::from(magnitude < threshold_bits);
                counts[count::HISTOGRAM + Histogram::bin_of(*value)] += 1;
                largest = largest.max(magnitude);
            } else if value.is_nan() {
                counts[count::NAN] += 1;
            } else {
                counts[count::INF] += 1;
            }
        }
    }
    counts[count::FINITE] = present.iter().map(|count| i64::from(*count)).sum();
    counts[count::MAX_BITS] = i64::from(largest);
    for (mean, present) in means.iter_mut().zip(&present) {
        *mean /= f64::from((*present).max(1));
    }

    let mut powers = [
        vec![0.0; channels],
        vec![0.0; channels],
        vec![0.0; channels],
    ];
    let [m2, m3, m4] = &mut powers;
    for row in real() {
        for (channel, value) in row.iter().enumerate() {
            let deviation = match value.is_finite() {
                true => f64::from(*value) - means[channel],
                false => 0.0,
            };
            let square = deviation * deviation;
            m2[channel] += square;
            m3[channel] += square * deviation;
            m4[channel] += square * square;
        }
    }
    let all = (0..channels).fold(Moments::default(), |all, channel| {
        all.merge(&Moments {
            count: present[channel].into(),
            mean: means[channel],
            m2: m2[channel],
            m3: m3[channel],
            m4: m4[channel],
        })
    });
    let mut totals = [0.0; total::PARTS];
    totals[total::UNIT] = UNIT_OF_ONE;
    totals[total::WHOLE] = all.mean / f64::from(QUANTUM);
    totals[total::M2..total::M2 + 3].copy_from_slice(&[all.m2, all.m3, all.m4]);
    totals[total::CHANNEL_M2] = m2.iter().sum();
    totals[total::CHANNEL_UNIT] = UNIT_OF_ONE;
    SequenceResult {
        means,
        totals,
        counts,
    }
}

/// The four sums of one token.
fn token_sums(input: &[f32], output: &[f32]) -> [f64; PAIR_PARTS] {
    let mut lanes = [[0.0f64; LANES]; PAIR_PARTS];
    let mut add = |lane: usize, a: f32, b: f32| {
        let (a, b) = (f64::from(a), f64::from(b));
        lanes[0][lane] += a * a;
        lanes[1][lane] += b * b;
        lanes[2][lane] += (b + a) * (b + a);
        lanes[3][lane] += (b - a) * (b - a);
    };
    let (inputs, input_rest) = input.as_chunks::<LANES>();
    let (outputs, output_rest) = output.as_chunks::<LANES>();
    for (input, output) in inputs.iter().zip(outputs) {
        for lane in 0..LANES {
            add(lane, input[lane], output[lane]);
        }
    }
    for (lane, (input, output)) in input_rest.iter().zip(output_rest).enumerate() {
        add(lane, *input, *output);
    }
    lanes.map(|lanes| lanes.iter().sum())
}
