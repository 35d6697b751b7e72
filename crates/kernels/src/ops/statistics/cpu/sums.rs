//! Moments by channel.

use layerlab_stats::Moments;
use pulp::{Arch, Simd, WithSimd};

/// Channels, and rows of them, that are turned to float64 at once: within the nearest cache.
const LANES: usize = 64;
const ROWS: usize = 16;

/// Moments of every channel of `rows`, which are all finite.
pub(super) fn moments(rows: &[&[f32]], channels: usize) -> Vec<Moments> {
    Arch::new().dispatch(Summing { rows, channels })
}

/// The same, leaving out what is not finite.
pub(super) fn moments_of_finite(rows: &[&[f32]], channels: usize) -> Vec<Moments> {
    let of_channel = |channel: usize| {
        let values = rows.iter().map(move |row| row[channel]);
        Moments::of(values.filter(|value| value.is_finite()).map(f64::from))
    };
    (0..channels).map(of_channel).collect()
}

/// One pass: deviations from the channel's first element are summed, and moved to its mean at the end. Of n numbers, none
/// deviates from the mean by more than √(n − 1) standard deviations, so that float64 has digits enough for whichever is
/// first.
struct Summing<'a> {
    rows: &'a [&'a [f32]],
    channels: usize,
}

impl WithSimd for Summing<'_> {
    type Output = Vec<Moments>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<Moments> {
        let Some(first_row) = self.rows.first() else {
            return vec![Moments::default(); self.channels];
        };
        let count = self.rows.len();
        let mut moments = Vec::with_capacity(self.channels);
        for first in (0..self.channels).step_by(LANES) {
            let lanes = first..self.channels.min(first + LANES);
            let mut origin = [0.0; LANES];
            widen(&first_row[lanes.clone()], &mut origin);
            let mut sums = [[0.0; LANES]; 4];
            // Behind the last channel there are zeros, and sums that nobody reads.
            let mut values = [[0.0; LANES]; ROWS];
            for rows in self.rows.chunks(ROWS) {
                for (values, row) in values.iter_mut().zip(rows) {
                    widen(&row[lanes.clone()], values);
                }
                add(simd, &values[..rows.len()], &origin, &mut sums);
            }
            for (lane, origin) in origin.iter().enumerate().take(lanes.len()) {
                let sums = [sums[0][lane], sums[1][lane], sums[2][lane], sums[3][lane]];
                moments.push(moved(count, *origin, sums));
            }
        }
        moments
    }
}

#[inline(always)]
fn widen(values: &[f32], wide: &mut [f64; LANES]) {
    for (wide, value) in wide.iter_mut().zip(values) {
        *wide = f64::from(*value);
    }
}

/// Adds first to fourth powers of the deviations of `values` from `origin`.
#[inline(always)]
fn add<S: Simd>(
    simd: S,
    values: &[[f64; LANES]],
    origin: &[f64; LANES],
    sums: &mut [[f64; LANES]; 4],
) {
    let (values, _) = S::as_simd_f64s(values.as_flattened());
    let (origin, _) = S::as_simd_f64s(origin);
    for (vector, origin) in origin.iter().enumerate() {
        let mut powers = [simd.splat_f64s(0.0); 4];
        for values in values.chunks_exact(LANES / S::F64_LANES) {
            let deviation = simd.sub_f64s(values[vector], *origin);
            let square = simd.mul_f64s(deviation, deviation);
            powers[0] = simd.add_f64s(powers[0], deviation);
            powers[1] = simd.add_f64s(powers[1], square);
            powers[2] = simd.mul_add_e_f64s(square, deviation, powers[2]);
            powers[3] = simd.mul_add_e_f64s(square, square, powers[3]);
        }
        for (sums, power) in sums.iter_mut().zip(powers) {
            let (sums, _) = S::as_mut_simd_f64s(sums);
            sums[vector] = simd.add_f64s(sums[vector], power);
        }
    }
}

/// Moments of `count` numbers by sums of the first four powers of their deviations from `origin`.
fn moved(count: usize, origin: f64, [sum, squares, cubes, fourths]: [f64; 4]) -> Moments {
    let n = count as f64;
    let step = sum / n;
    Moments {
        count: count as u64,
        mean: origin + step,
        m2: (squares - step * sum).max(0.0),
        m3: cubes - 3.0 * step * squares + 2.0 * step * step * sum,
        m4: (fourths - 4.0 * step * cubes + 6.0 * step * step * squares
            - 3.0 * step * step * step * sum)
            .max(0.0),
    }
}
