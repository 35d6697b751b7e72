//! From packed device results to statistics, in float64 on the host.

use burn::tensor::{TensorData, Transaction};
use layerlab_stats::{Histogram, Moments, SequencePair, SequenceStatistics};

use crate::{
    KernelError, Measurement,
    layout::{MEAN_PARTS, PAIR_PARTS, QUANTUM, UNIT_OF_ONE, count, total},
};

/// What one [`measure`](crate::measure) or [`compare`](crate::compare) found.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchStatistics {
    /// One for each sequence; empty after `compare`.
    pub sequences: Vec<SequenceStatistics>,
    /// One for each sequence, where hidden states were compared; empty elsewhere.
    pub pairs: Vec<SequencePair>,
}

/// Fetches the results of everything that was started for a batch, in one read-back.
///
/// # Errors
/// When the device fails or returns less than it should.
pub async fn collect(pending: Vec<Measurement>) -> Result<Vec<BatchStatistics>, KernelError> {
    let mut transaction = Transaction::default();
    let mut plans = Vec::with_capacity(pending.len());
    for measurement in pending {
        let [batch, tokens] = measurement.mask.dims();
        transaction = transaction.register(measurement.mask);
        let mut channels = None;
        if let Some(statistics) = measurement.statistics {
            channels = Some(statistics.means.dims()[2]);
            transaction = transaction
                .register(statistics.means)
                .register(statistics.totals)
                .register(statistics.counts);
        }
        let has_pairs = measurement.pairs.is_some();
        if let Some(pairs) = measurement.pairs {
            transaction = transaction.register(pairs);
        }
        plans.push(Plan {
            batch,
            tokens,
            channels,
            has_pairs,
            has_threshold: measurement.has_threshold,
        });
    }
    let mut results = transaction.execute_async().await?.into_iter();
    plans
        .iter()
        .map(|plan| {
            let mask = values::<i64>(&mut results, "the mask", plan.batch * plan.tokens)?;
            let sequences = match plan.channels {
                Some(channels) => plan.sequences(&mut results, channels, &mask)?,
                None => Vec::new(),
            };
            let pairs = match plan.has_pairs {
                true => plan.pairs(&mut results, &mask)?,
                false => Vec::new(),
            };
            Ok(BatchStatistics { sequences, pairs })
        })
        .collect()
}

/// What to expect of one measurement.
struct Plan {
    batch: usize,
    tokens: usize,
    channels: Option<usize>,
    has_pairs: bool,
    has_threshold: bool,
}

impl Plan {
    fn sequences(
        &self,
        results: &mut impl Iterator<Item = TensorData>,
        channels: usize,
        mask: &[i64],
    ) -> Result<Vec<SequenceStatistics>, KernelError> {
        let batch = self.batch;
        let means = values::<f64>(results, "channel means", batch * MEAN_PARTS * channels)?;
        let totals = values::<f64>(results, "moments", batch * total::PARTS)?;
        let counts = values::<i64>(results, "counts", batch * count::PARTS)?;
        let rows = means
            .chunks(MEAN_PARTS * channels)
            .zip(totals.chunks(total::PARTS))
            .zip(counts.chunks(count::PARTS))
            .zip(mask.chunks(self.tokens));
        Ok(rows
            .map(|(((means, totals), counts), mask)| {
                let (whole, others) = means.split_at(channels);
                let (rest, units) = others.split_at(channels);
                let quantum = f64::from(QUANTUM);
                let mean = |channel: usize| {
                    (whole[channel] + rest[channel]) * quantum * unit(units[channel])
                };
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
                    below_epsilon: self.has_threshold.then(|| counted(count::BELOW)),
                    histogram: Histogram::from_counts(
                        counts[count::HISTOGRAM..].iter().map(|count| *count as u64),
                    ),
                }
            })
            .collect())
    }

    fn pairs(
        &self,
        results: &mut impl Iterator<Item = TensorData>,
        mask: &[i64],
    ) -> Result<Vec<SequencePair>, KernelError> {
        let expected = self.batch * self.tokens * PAIR_PARTS;
        let sums = values::<f64>(results, "pair sums", expected)?;
        let sequences = sums
            .chunks(self.tokens * PAIR_PARTS)
            .zip(mask.chunks(self.tokens));
        Ok(sequences
            .map(|(sums, mask)| {
                let rows = sums.as_chunks::<PAIR_PARTS>().0.iter().zip(mask);
                let real = rows.filter(|(_, mask)| **mask == 1).map(|(row, _)| *row);
                SequencePair::from_token_sums(real)
            })
            .collect())
    }
}

/// A unit by its biased exponent.
fn unit(exponent: f64) -> f64 {
    (exponent - UNIT_OF_ONE).exp2()
}

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
    match values.len() == expected {
        true => Ok(values),
        false => Err(KernelError::Incomplete {
            what,
            expected,
            found: values.len(),
        }),
    }
}
