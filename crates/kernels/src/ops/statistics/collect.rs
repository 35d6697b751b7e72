//! From packed device results to statistics, in float64 on the host.

use std::ops::Range;

use burn::tensor::{Int, Tensor, TensorData, Transaction};
use layerlab_stats::{BelowEpsilon, Histogram, Moments, SequencePair, SequenceStatistics};

use super::{
    layout::{MEAN_PARTS, QUANTUM, UNIT_OF_ONE, count, row_floats, total},
    page::Page,
};
use crate::{KernelError, ops::pairs::PAIR_PARTS};

/// What one measurement or comparison found.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchStatistics {
    /// One for each sequence; empty after a comparison.
    pub sequences: Vec<SequenceStatistics>,
    /// One for each sequence, where hidden states were compared; empty elsewhere.
    pub pairs: Vec<SequencePair>,
}

/// Where to find what.
#[derive(Debug)]
pub(crate) enum Reading {
    Statistics {
        page: usize,
        slot: usize,
        has_pairs: bool,
        /// What elements were counted below.
        absolute_epsilon: Option<f64>,
    },
    /// Pair sums alone, by their number.
    Pairs(usize),
}

/// Fetches everything in one read-back, and makes of it what each reading asks for.
pub(crate) async fn collect(
    mask: Tensor<2, Int>,
    pages: Vec<Page>,
    pairs: Vec<Tensor<3>>,
    readings: &[Reading],
) -> Result<Vec<BatchStatistics>, KernelError> {
    let [batch, tokens] = mask.dims();
    let shapes: Vec<[usize; 2]> = pages
        .iter()
        .map(|page| [page.channels, page.slots])
        .collect();
    let alone = pairs.len();
    let mut transaction = Transaction::default().register(mask);
    for page in pages {
        transaction = transaction.register(page.results).register(page.counts);
    }
    for pairs in pairs {
        transaction = transaction.register(pairs);
    }
    let mut results = transaction.execute_async().await?.into_iter();
    let mask = values::<i64>(&mut results, "the mask", batch * tokens)?;
    let mut pages = Vec::with_capacity(shapes.len());
    for [channels, slots] in shapes {
        let rows = slots * batch;
        pages.push(HostPage {
            channels,
            rows,
            tokens,
            results: values::<f64>(&mut results, "statistics", rows * row_floats(channels))?,
            counts: values::<i64>(&mut results, "counts", rows * count::PARTS)?,
        });
    }
    let size = batch * tokens * PAIR_PARTS;
    let alone = (0..alone).map(|_| values::<f64>(&mut results, "pair sums", size));
    let alone: Vec<Vec<f64>> = alone.collect::<Result<_, _>>()?;
    let of_sequences = |sums: &[f64]| {
        let sequences = sums.chunks(tokens * PAIR_PARTS).zip(mask.chunks(tokens));
        sequences.map(|(sums, mask)| compared(sums, mask)).collect()
    };
    let found = readings.iter().map(|reading| match *reading {
        Reading::Pairs(number) => Ok(BatchStatistics {
            sequences: Vec::new(),
            pairs: of_sequences(&alone[number]),
        }),
        Reading::Statistics {
            page,
            slot,
            has_pairs,
            absolute_epsilon,
        } => {
            let page = &pages[page];
            let rows = slot * batch..(slot + 1) * batch;
            let sequences = rows.clone().zip(mask.chunks(tokens));
            Ok(BatchStatistics {
                sequences: sequences
                    .map(|(row, mask)| page.sequence(row, mask, absolute_epsilon))
                    .collect(),
                pairs: match has_pairs {
                    true => of_sequences(page.pair_sums(rows)?),
                    false => Vec::new(),
                },
            })
        }
    });
    found.collect()
}

/// A page on the host.
struct HostPage {
    channels: usize,
    rows: usize,
    tokens: usize,
    results: Vec<f64>,
    counts: Vec<i64>,
}

impl HostPage {
    fn sequence(
        &self,
        row: usize,
        mask: &[i64],
        absolute_epsilon: Option<f64>,
    ) -> SequenceStatistics {
        let channels = self.channels;
        let size = row_floats(channels);
        let (means, totals) =
            self.results[row * size..(row + 1) * size].split_at(MEAN_PARTS * channels);
        let counts = &self.counts[row * count::PARTS..(row + 1) * count::PARTS];
        let (whole, others) = means.split_at(channels);
        let (rest, units) = others.split_at(channels);
        let quantum = f64::from(QUANTUM);
        let mean =
            |channel: usize| (whole[channel] + rest[channel]) * quantum * unit(units[channel]);
        let scale = unit(totals[total::UNIT]);
        let channel_scale = unit(totals[total::CHANNEL_UNIT]);
        let counted = |index: usize| counts[index] as u64;
        SequenceStatistics {
            tokens: mask.iter().filter(|real| **real == 1).count() as u32,
            moments: Moments {
                count: counted(count::FINITE),
                mean: (totals[total::WHOLE] + totals[total::REST]) * quantum * scale,
                m2: totals[total::M2] * scale.powi(2),
                m3: totals[total::M2 + 1] * scale.powi(3),
                m4: totals[total::M2 + 2] * scale.powi(4),
            },
            pooled_variance: Moments::of((0..channels).map(mean)).unbiased_variance(),
            channel_mean: (0..channels).map(mean).collect(),
            channel_m2: totals[total::CHANNEL_M2] * channel_scale.powi(2),
            max_abs: f32::from_bits(counts[count::MAX_BITS] as u32).into(),
            nan: counted(count::NAN),
            inf: counted(count::INF),
            below_epsilon: absolute_epsilon.map(|epsilon| BelowEpsilon {
                epsilon,
                count: counted(count::BELOW),
            }),
            histogram: Histogram::from_counts(
                counts[count::HISTOGRAM..].iter().map(|count| *count as u64),
            ),
        }
    }

    /// Of these rows.
    fn pair_sums(&self, rows: Range<usize>) -> Result<&[f64], KernelError> {
        let (before, size) = (
            self.rows * row_floats(self.channels),
            self.tokens * PAIR_PARTS,
        );
        let place = before + rows.start * size..before + rows.end * size;
        let (expected, found) = (place.end, self.results.len());
        self.results.get(place).ok_or(KernelError::Incomplete {
            what: "pair sums",
            expected,
            found,
        })
    }
}

/// A sequence's pair sums, without its padding.
fn compared(sums: &[f64], mask: &[i64]) -> SequencePair {
    let rows = sums.as_chunks::<PAIR_PARTS>().0.iter().zip(mask);
    let real = rows.filter(|(_, mask)| **mask == 1).map(|(row, _)| *row);
    SequencePair::from_token_sums(real)
}

/// A unit by its biased exponent.
fn unit(exponent: f64) -> f64 {
    (exponent - UNIT_OF_ONE).exp2()
}

/// The next of the results, of which there must be as many as expected; more where pair sums lie behind.
fn values<E: burn::tensor::Element>(
    results: &mut impl Iterator<Item = TensorData>,
    what: &'static str,
    expected: usize,
) -> Result<Vec<E>, KernelError> {
    let values: Vec<E> = match results.next() {
        // A copy, where it is of that type already.
        Some(data) => match data.as_slice() {
            Ok(values) => values.to_vec(),
            Err(_) => data.iter().collect(),
        },
        None => Vec::new(),
    };
    match values.len() >= expected {
        true => Ok(values),
        false => Err(KernelError::Incomplete {
            what,
            expected,
            found: values.len(),
        }),
    }
}
