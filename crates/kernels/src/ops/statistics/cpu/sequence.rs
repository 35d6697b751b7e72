//! Statistics of one sequence.

use layerlab_stats::Moments;

use super::{
    super::layout::{QUANTUM, UNIT_OF_ONE, count, total},
    counts::counts,
    sums,
};

pub(super) struct SequenceResult {
    /// Channel means.
    pub means: Vec<f64>,
    pub totals: [f64; total::PARTS],
    pub counts: Vec<i64>,
}

/// Statistics of the rows `[tokens, channels]` that `mask` marks with 1.
pub(super) fn one_sequence(
    activation: &[f32],
    channels: usize,
    mask: &[i32],
    threshold_bits: u32,
) -> SequenceResult {
    let rows = activation.chunks(channels).zip(mask);
    let rows = rows.filter(|(_, mask)| **mask == 1).map(|(row, _)| row);
    let rows: Vec<&[f32]> = rows.collect();
    let mut counts = counts(&rows, threshold_bits);
    let by_channel = match counts[count::NAN] + counts[count::INF] {
        0 => sums::moments(&rows, channels),
        _ => sums::moments_of_finite(&rows, channels),
    };
    let all = union(&by_channel);
    counts[count::FINITE] = all.count.cast_signed();
    let mut totals = [0.0; total::PARTS];
    totals[total::UNIT] = UNIT_OF_ONE;
    totals[total::WHOLE] = all.mean / f64::from(QUANTUM);
    totals[total::M2..total::M2 + 3].copy_from_slice(&[all.m2, all.m3, all.m4]);
    totals[total::CHANNEL_M2] = by_channel.iter().map(|moments| moments.m2).sum();
    totals[total::CHANNEL_UNIT] = UNIT_OF_ONE;
    SequenceResult {
        means: by_channel.iter().map(|moments| moments.mean).collect(),
        totals,
        counts,
    }
}

/// Moments of all channels together. What merging them one by one gives, without a division for each.
fn union(by_channel: &[Moments]) -> Moments {
    let count: u64 = by_channel.iter().map(|moments| moments.count).sum();
    let sum = |moments: &Moments| moments.count as f64 * moments.mean;
    let mean = by_channel.iter().map(sum).sum::<f64>() / count.max(1) as f64;
    let mut all = Moments {
        count,
        mean,
        ..Moments::default()
    };
    for moments in by_channel.iter().filter(|moments| moments.count > 0) {
        let n = moments.count as f64;
        let step = moments.mean - mean;
        let square = step * step;
        all.m2 += moments.m2 + n * square;
        all.m3 += moments.m3 + 3.0 * step * moments.m2 + n * square * step;
        all.m4 +=
            moments.m4 + 4.0 * step * moments.m3 + 6.0 * square * moments.m2 + n * square * square;
    }
    all
}
