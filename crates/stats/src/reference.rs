//! The yardstick: plain float64 loops that follow the definitions, for tests of every kernel.

use crate::{BelowEpsilon, Histogram, Moments, SequencePair, SequenceStatistics};

/// Statistics of one sequence.
///
/// `activation` is `[tokens, channels]`, row after row; `mask` says which tokens are real;
/// elements with |a| < `absolute_epsilon` are counted if it is given.
pub fn sequence(
    activation: &[f32],
    channels: usize,
    mask: &[bool],
    absolute_epsilon: Option<f64>,
) -> SequenceStatistics {
    let rows: Vec<&[f32]> = real_rows(activation, channels, mask).collect();
    let elements = || rows.iter().flat_map(|row| row.iter().copied());
    let finite = || elements().filter(|a| a.is_finite());
    let by_channel: Vec<Moments> = (0..channels)
        .map(|channel| {
            let column = rows.iter().map(|row| f64::from(row[channel]));
            Moments::of(column.filter(|a| a.is_finite()))
        })
        .collect();
    let mut histogram = Histogram::default();
    finite().for_each(|a| histogram.push(a));
    let channel_mean: Vec<f64> = by_channel.iter().map(|channel| channel.mean).collect();
    SequenceStatistics {
        tokens: rows.len() as u32,
        moments: Moments::of(finite().map(f64::from)),
        pooled_variance: Moments::of(channel_mean.iter().copied()).unbiased_variance(),
        channel_mean,
        channel_m2: by_channel.iter().map(|channel| channel.m2).sum(),
        max_abs: finite().map(|a| f64::from(a.abs())).fold(0.0, f64::max),
        nan: elements().filter(|a| a.is_nan()).count() as u64,
        inf: elements().filter(|a| a.is_infinite()).count() as u64,
        below_epsilon: absolute_epsilon.map(|epsilon| BelowEpsilon {
            epsilon,
            count: finite().filter(|a| f64::from(a.abs()) < epsilon).count() as u64,
        }),
        histogram,
    }
}

/// Comparison of two hidden states `[tokens, channels]` of one sequence.
pub fn pair(input: &[f32], output: &[f32], channels: usize, mask: &[bool]) -> SequencePair {
    let inputs = real_rows(input, channels, mask);
    let rows = inputs.zip(real_rows(output, channels, mask));
    SequencePair::from_token_sums(rows.map(|(input, output)| {
        let sum = |term: fn(f64, f64) -> f64| -> f64 {
            let channels = input.iter().zip(output);
            channels
                .map(|(a, b)| term(f64::from(*a), f64::from(*b)))
                .sum()
        };
        [
            sum(|a, _| a * a),
            sum(|_, b| b * b),
            sum(|a, b| (b + a) * (b + a)),
            sum(|a, b| (b - a) * (b - a)),
        ]
    }))
}

fn real_rows<'a>(
    activation: &'a [f32],
    channels: usize,
    mask: &'a [bool],
) -> impl Iterator<Item = &'a [f32]> {
    let rows = activation.chunks(channels).zip(mask);
    rows.filter(|(_, real)| **real).map(|(row, _)| row)
}
