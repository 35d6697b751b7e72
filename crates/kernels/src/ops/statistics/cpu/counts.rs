//! Counts of magnitudes.

use layerlab_stats::{BINS, Histogram};
use pulp::{Arch, Simd, WithSimd};

use super::super::layout::count;

/// Elements whose bins are found together, by vectors.
const AT_ONCE: usize = 256;
/// Length of a table: every bin, and a power of two, so that no index is checked.
const TABLE: usize = BINS.next_power_of_two();
/// Tables that are counted in by turns: neighbours are often alike, and adding to one number again at once waits.
const TABLES: usize = 4;

/// What the layout's counts are of `rows`, but for the finite elements; nothing is below `threshold_bits` that is not
/// finite.
pub(super) fn counts(rows: &[&[f32]], threshold_bits: u32) -> Vec<i64> {
    let mut counts = Arch::new().dispatch(Counting {
        rows,
        threshold_bits,
    });
    if counts[count::MAX_BITS] >= f32::INFINITY.to_bits().into() {
        mend(&mut counts, rows, threshold_bits);
    }
    counts
}

struct Counting<'a> {
    rows: &'a [&'a [f32]],
    threshold_bits: u32,
}

impl WithSimd for Counting<'_> {
    type Output = Vec<i64>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<i64> {
        let mut tables = [[0u32; TABLE]; TABLES];
        let mut bins = [0u32; AT_ONCE];
        let (mut below, mut largest) = (0i64, 0u32);
        for row in self.rows {
            for values in row.chunks(AT_ONCE) {
                let mut below_here = 0u32;
                for (bin, value) in bins.iter_mut().zip(values) {
                    let magnitude = value.to_bits() & 0x7fff_ffff;
                    // Wrapping, since a check for what cannot be would keep it from being done by vectors.
                    below_here =
                        below_here.wrapping_add(u32::from(magnitude < self.threshold_bits));
                    largest = largest.max(magnitude);
                    *bin = Histogram::bin_of(*value) as u32;
                }
                below += i64::from(below_here);
                let (fours, rest) = bins[..values.len()].as_chunks::<TABLES>();
                for four in fours {
                    for (table, bin) in tables.iter_mut().zip(four) {
                        let number = &mut table[*bin as usize % TABLE];
                        *number = number.wrapping_add(1);
                    }
                }
                for bin in rest {
                    tables[0][*bin as usize % TABLE] += 1;
                }
            }
        }
        let mut counts = vec![0; count::PARTS];
        counts[count::BELOW] = below;
        counts[count::MAX_BITS] = i64::from(largest);
        for (bin, number) in counts[count::HISTOGRAM..].iter_mut().enumerate() {
            for table in &tables {
                *number += i64::from(table[bin]);
            }
        }
        counts
    }
}

/// Takes out what is not finite, which lies in the last bin and may be the largest.
fn mend(counts: &mut [i64], rows: &[&[f32]], threshold_bits: u32) {
    let (mut below, mut largest) = (0, 0);
    for value in rows.iter().copied().flatten() {
        let magnitude = value.to_bits() & 0x7fff_ffff;
        if value.is_finite() {
            below += i64::from(magnitude < threshold_bits);
            largest = largest.max(magnitude);
            continue;
        }
        let part = match value.is_nan() {
            true => count::NAN,
            false => count::INF,
        };
        counts[part] += 1;
        counts[count::HISTOGRAM + BINS - 1] -= 1;
    }
    counts[count::BELOW] = below;
    counts[count::MAX_BITS] = i64::from(largest);
}
