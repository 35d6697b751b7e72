//! Statistics of one sequence.

use layerlab_stats::{Histogram, Moments};
use pulp::{Arch, Simd, WithSimd};

use crate::layout::{QUANTUM, UNIT_OF_ONE, count, total};

/// Channels that are summed together, so that the compiler uses vector instructions.
const LANES: usize = 16;
/// Exponent and three bits of mantissa: what the histogram tells numbers apart by, and this many there are.
const KEYS: usize = 1 << 11;
/// Bits below them.
const KEY_SHIFT: u32 = 20;
/// The first key of what is not finite.
const NOT_FINITE: usize = 0x7f8;
/// Tables that are counted in by turns: neighbours are often alike, and adding to one number again at once waits.
const TABLES: usize = 4;

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
    let rows = Rows {
        rows: &rows,
        channels,
        threshold_bits,
    };
    let mut counts = Arch::new().dispatch(Counting(&rows));
    let is_finite = counts[count::NAN] + counts[count::INF] == 0;
    let mut sums = match is_finite {
        true => Arch::new().dispatch(Summing(&rows)),
        false => rows.sums_of_finite(),
    };
    counts[count::FINITE] = sums.present.iter().map(|count| i64::from(*count)).sum();
    let all = (0..channels).fold(Moments::default(), |all, channel| {
        all.merge(&Moments {
            count: sums.present[channel].into(),
            mean: sums.means[channel],
            m2: sums.powers[0][channel],
            m3: sums.powers[1][channel],
            m4: sums.powers[2][channel],
        })
    });
    let mut totals = [0.0; total::PARTS];
    totals[total::UNIT] = UNIT_OF_ONE;
    totals[total::WHOLE] = all.mean / f64::from(QUANTUM);
    totals[total::M2..total::M2 + 3].copy_from_slice(&[all.m2, all.m3, all.m4]);
    totals[total::CHANNEL_M2] = sums.powers[0].iter().sum();
    totals[total::CHANNEL_UNIT] = UNIT_OF_ONE;
    SequenceResult {
        means: std::mem::take(&mut sums.means),
        totals,
        counts,
    }
}

/// Hidden states of real tokens.
struct Rows<'a> {
    rows: &'a [&'a [f32]],
    channels: usize,
    threshold_bits: u32,
}

/// Sums by channel.
struct Sums {
    /// Finite elements.
    present: Vec<u32>,
    means: Vec<f64>,
    /// Second, third and fourth powers of deviations from the channel's mean.
    powers: [Vec<f64>; 3],
}

impl Rows<'_> {
    fn no_sums(&self, present: u32) -> Sums {
        let zeros = || vec![0.0; self.channels];
        Sums {
            present: vec![present; self.channels],
            means: zeros(),
            powers: [zeros(), zeros(), zeros()],
        }
    }

    /// Sums that leave out what is not finite.
    fn sums_of_finite(&self) -> Sums {
        let mut sums = self.no_sums(0);
        let finite = |row: &[f32]| {
            let values: Vec<(usize, f64)> = row
                .iter()
                .enumerate()
                .filter(|(_, value)| value.is_finite())
                .map(|(channel, value)| (channel, f64::from(*value)))
                .collect();
            values
        };
        for row in self.rows {
            for (channel, value) in finite(row) {
                sums.means[channel] += value;
                sums.present[channel] += 1;
            }
        }
        for (mean, present) in sums.means.iter_mut().zip(&sums.present) {
            *mean /= f64::from((*present).max(1));
        }
        for row in self.rows {
            for (channel, value) in finite(row) {
                let deviation = value - sums.means[channel];
                let square = deviation * deviation;
                sums.powers[0][channel] += square;
                sums.powers[1][channel] += square * deviation;
                sums.powers[2][channel] += square * square;
            }
        }
        sums
    }
}

/// Counts of magnitudes.
struct Counting<'a>(&'a Rows<'a>);

impl WithSimd for Counting<'_> {
    type Output = Vec<i64>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<i64> {
        let mut tables = [[0u32; KEYS]; TABLES];
        let (mut below, mut largest) = (0i64, 0u32);
        for row in self.0.rows {
            let mut below_here = 0u32;
            for value in *row {
                let magnitude = value.to_bits() & 0x7fff_ffff;
                // Only what is finite counts; nothing else is below a finite threshold.
                below_here += u32::from(magnitude < self.0.threshold_bits);
                largest = largest.max(magnitude);
            }
            below += i64::from(below_here);
            let (fours, rest) = row.as_chunks::<TABLES>();
            for four in fours {
                for (table, value) in tables.iter_mut().zip(four) {
                    table[(value.to_bits() >> KEY_SHIFT) as usize % KEYS] += 1;
                }
            }
            for value in rest {
                tables[0][(value.to_bits() >> KEY_SHIFT) as usize % KEYS] += 1;
            }
        }
        let mut counts = vec![0; count::PARTS];
        for key in 0..NOT_FINITE {
            let mut times = 0;
            for table in &tables {
                times += i64::from(table[key]);
            }
            let bin = Histogram::bin_of(f32::from_bits((key as u32) << KEY_SHIFT));
            counts[count::HISTOGRAM + bin] += times;
        }
        counts[count::BELOW] = below;
        counts[count::MAX_BITS] = i64::from(largest);
        if largest >= f32::INFINITY.to_bits() {
            count_others(self.0, &mut counts);
        }
        counts
    }
}

/// Mends what [`Counting`] counts where something is not finite.
fn count_others(rows: &Rows<'_>, counts: &mut [i64]) {
    let (mut below, mut largest) = (0, 0);
    for value in rows.rows.iter().copied().flatten() {
        let magnitude = value.to_bits() & 0x7fff_ffff;
        if value.is_nan() {
            counts[count::NAN] += 1;
        } else if value.is_infinite() {
            counts[count::INF] += 1;
        } else {
            below += i64::from(magnitude < rows.threshold_bits);
            largest = largest.max(magnitude);
        }
    }
    counts[count::BELOW] = below;
    counts[count::MAX_BITS] = i64::from(largest);
}

/// Sums where everything is finite.
struct Summing<'a>(&'a Rows<'a>);

impl WithSimd for Summing<'_> {
    type Output = Sums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Sums {
        let rows = self.0;
        let mut sums = rows.no_sums(rows.rows.len() as u32);
        let channels = rows.channels;
        for first in (0..channels).step_by(LANES) {
            let lanes = LANES.min(channels - first);
            let mut mean = [0.0; LANES];
            for row in rows.rows {
                let row = &row[first..first + lanes];
                match row.as_array::<LANES>() {
                    Some(values) => {
                        for lane in 0..LANES {
                            mean[lane] += f64::from(values[lane]);
                        }
                    }
                    None => {
                        for (mean, value) in mean.iter_mut().zip(row) {
                            *mean += f64::from(*value);
                        }
                    }
                }
            }
            for mean in &mut mean {
                *mean /= rows.rows.len().max(1) as f64;
            }
            let mut powers = [[0.0; LANES]; 3];
            for row in rows.rows {
                let row = &row[first..first + lanes];
                match row.as_array::<LANES>() {
                    Some(values) => {
                        for lane in 0..LANES {
                            add(&mut powers, lane, f64::from(values[lane]) - mean[lane]);
                        }
                    }
                    None => {
                        for (lane, value) in row.iter().enumerate() {
                            add(&mut powers, lane, f64::from(*value) - mean[lane]);
                        }
                    }
                }
            }
            sums.means[first..first + lanes].copy_from_slice(&mean[..lanes]);
            for (sums, powers) in sums.powers.iter_mut().zip(&powers) {
                sums[first..first + lanes].copy_from_slice(&powers[..lanes]);
            }
        }
        sums
    }
}

#[inline(always)]
fn add(powers: &mut [[f64; LANES]; 3], lane: usize, deviation: f64) {
    let square = deviation * deviation;
    powers[0][lane] += square;
    powers[1][lane] += square * deviation;
    powers[2][lane] += square * square;
}
