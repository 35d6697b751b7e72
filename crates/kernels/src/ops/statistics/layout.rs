//! How results are packed, on every device alike: for each row (a sequence of one activation) its means and totals; behind
//! all rows, for each row and token, the pair sums; and apart from these, since they are integers, each row's counts.
//!
//! Floats come in units of a power of two, kept beside them as a biased exponent (127 is a unit of 1),
//! so that float32 carries the fourth power of anything. Means are pairs, whole quanta and a rest,
//! since one float32 cannot tell a large mean from another that differs by a tiny deviation.

use layerlab_stats::BINS;

/// What a mean is counted in: this share of its unit.
pub const QUANTUM: f32 = 1.0 / (1 << 22) as f32;

/// For each sequence and channel: whole quanta and rest of the mean, and the exponent of its unit.
pub const MEAN_PARTS: usize = 3;

/// Floats of a row: means and totals.
pub const fn row_floats(channels: usize) -> usize {
    MEAN_PARTS * channels + total::PARTS
}

/// Index of each part of a sequence's totals.
pub mod total {
    /// Exponent of the unit of the moments.
    pub const UNIT: usize = 0;
    /// Whole quanta of the mean.
    pub const WHOLE: usize = 1;
    /// What is left of it, in quanta.
    pub const REST: usize = 2;
    /// Sum of squared deviations; the third and fourth powers follow.
    pub const M2: usize = 3;
    /// Sum over channels of squared deviations from the channel's mean.
    pub const CHANNEL_M2: usize = 6;
    /// Exponent of the unit of the last.
    pub const CHANNEL_UNIT: usize = 7;
    /// How many there are.
    pub const PARTS: usize = 8;
}

/// Index of each of a sequence's counts.
pub mod count {
    use super::BINS;

    /// Finite elements.
    pub const FINITE: usize = 0;
    /// Elements that are not a number.
    pub const NAN: usize = 1;
    /// Infinite elements.
    pub const INF: usize = 2;
    /// Finite elements below the threshold.
    pub const BELOW: usize = 3;
    /// Bits of the largest finite magnitude: bits of positive floats are ordered as they are.
    pub const MAX_BITS: usize = 4;
    /// First bin of the histogram.
    pub const HISTOGRAM: usize = 5;
    /// How many there are.
    pub const PARTS: usize = HISTOGRAM + BINS;
}

/// Exponent of a unit of 1.
pub const UNIT_OF_ONE: f64 = 127.0;

/// Bits of the smallest float32 that is not below `epsilon`, so that |a| < ε is a comparison of
/// integers, exact for every float32 a. All ones, which no finite number reaches, for an ε above
/// all of them; 0, which nothing is below, for none.
pub fn threshold_bits(epsilon: Option<f64>) -> u32 {
    let Some(epsilon) = epsilon else {
        return 0;
    };
    let nearest = epsilon as f32;
    if nearest.is_infinite() {
        u32::MAX
    } else if f64::from(nearest) < epsilon {
        nearest.to_bits() + 1
    } else {
        nearest.to_bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_parts_floats_as_real_numbers_do() {
        for epsilon in [
            1e-5,
            0.1,
            1.0,
            1e-45,
            1e-44,
            3e-39,
            0.1f32.into(),
            1e39,
            3.5e38,
        ] {
            let bits = threshold_bits(Some(epsilon));
            let nearest = (epsilon as f32).to_bits().min(f32::MAX.to_bits());
            for around in nearest.saturating_sub(3)..=(nearest + 3).min(f32::MAX.to_bits()) {
                let below = f64::from(f32::from_bits(around)) < epsilon;
                assert_eq!(around < bits, below, "{epsilon:e} at {around:#x}");
            }
        }
        assert_eq!(threshold_bits(None), 0);
    }
}
