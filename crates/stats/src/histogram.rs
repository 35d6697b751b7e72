//! Magnitudes in fixed bins, so that any threshold can be asked for afterwards.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// Bins per octave: the three leading bits of the mantissa.
const PER_OCTAVE: usize = 8;
/// Exponent of the first octave.
const FIRST_EXPONENT: i32 = -40;
/// Number of octaves.
const OCTAVES: usize = 64;
/// Number of bins: 8 per octave from 2^-40 to 2^24, one below and one above.
pub const BINS: usize = OCTAVES * PER_OCTAVE + 2;
/// What `bits >> 20` of 2^-40 is: biased exponent and three bits of mantissa.
const FIRST_KEY: u32 = ((127 + FIRST_EXPONENT) as u32) << 3;

/// Counts of magnitudes |a|. An octave [2^e, 2^(e+1)) is divided evenly into 8 bins, so a bin is the
/// leading bits of the float itself and every device counts alike. Bin 0 holds everything below
/// 2^-40, zeros and denormals included; the last bin everything from 2^24 up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    #[serde(deserialize_with = "all_bins")]
    counts: Vec<u64>,
}

/// Reads counts of as many bins as there are.
fn all_bins<'de, D: Deserializer<'de>>(found: D) -> Result<Vec<u64>, D::Error> {
    let counts = Vec::<u64>::deserialize(found)?;
    match counts.len() {
        BINS => Ok(counts),
        found => Err(D::Error::custom(format!(
            "a histogram has {BINS} bins, not {found}"
        ))),
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BINS],
        }
    }
}

impl Histogram {
    /// A histogram of the given counts; bins beyond [`BINS`] are ignored, missing ones empty.
    pub fn from_counts(counts: impl IntoIterator<Item = u64>) -> Self {
        let mut histogram = Self::default();
        for (bin, count) in histogram.counts.iter_mut().zip(counts) {
            *bin = count;
        }
        histogram
    }

    /// The bin of a finite number.
    #[inline]
    pub fn bin_of(a: f32) -> usize {
        let key = (a.to_bits() & 0x7fff_ffff) >> 20;
        (key + 1).saturating_sub(FIRST_KEY).min(BINS as u32 - 1) as usize
    }

    /// The smallest magnitude in a bin.
    pub fn lower_edge(bin: usize) -> f64 {
        match bin.checked_sub(1) {
            None => 0.0,
            Some(index) => {
                let exponent = FIRST_EXPONENT + (index / PER_OCTAVE) as i32;
                let fraction = (index % PER_OCTAVE) as f64 / PER_OCTAVE as f64;
                (1.0 + fraction) * f64::from(exponent).exp2()
            }
        }
    }

    /// The end of a bin, itself outside; infinite for the last.
    pub fn upper_edge(bin: usize) -> f64 {
        match bin + 1 < BINS {
            true => Self::lower_edge(bin + 1),
            false => f64::INFINITY,
        }
    }

    /// Counts by bin.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Counts one finite number.
    pub fn push(&mut self, a: f32) {
        self.counts[Self::bin_of(a)] += 1;
    }

    /// Adds the counts of another, `times` over.
    pub fn add(&mut self, other: &Self, times: u32) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            // Counts that were read from a file may claim anything.
            *count = count.saturating_add(more.saturating_mul(u64::from(times)));
        }
    }

    /// How many numbers; as many as can be counted, where counts that were read from a file claim more.
    pub fn total(&self) -> u64 {
        let counts = self.counts.iter();
        counts.fold(0u64, |sum, count| sum.saturating_add(*count))
    }

    /// How many magnitudes lie below `threshold`: exact where it is an edge, by linear
    /// interpolation within a bin elsewhere, so off by at most that bin's count. Who asks many times
    /// asks [`cumulative`](Self::cumulative).
    pub fn count_below(&self, threshold: f64) -> f64 {
        self.cumulative().count_below(threshold)
    }

    /// The same counts, summed up, for many questions.
    pub fn cumulative(&self) -> CumulativeHistogram {
        let mut sum = 0u64;
        let sums = self.counts.iter().map(|count| {
            sum = sum.saturating_add(*count);
            sum
        });
        CumulativeHistogram {
            sums: sums.collect(),
        }
    }
}

/// Counts of magnitudes up to each bin: [`Histogram::count_below`] without a sum for each question. A
/// clone shares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CumulativeHistogram {
    sums: Arc<[u64]>,
}

/// Where a threshold falls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HistogramPlace {
    /// The bin.
    bin: usize,
    /// The share of the bin's width that lies below; 0 in the last, which has no width: what lies beyond its edge
    /// cannot be told apart.
    pub share: f64,
    /// Whether it is the bin's lower edge, so that nothing in the bin lies below.
    pub is_edge: bool,
}

impl HistogramPlace {
    /// Of a threshold; nothing lies below one that is negative or no number.
    pub fn of(threshold: f64) -> Self {
        let threshold = threshold.max(0.0);
        // The bin of the nearest float may be the one beside the threshold's own.
        let mut bin = Histogram::bin_of(threshold as f32);
        if threshold < Histogram::lower_edge(bin) {
            bin -= 1;
        }
        let (lower, upper) = (Histogram::lower_edge(bin), Histogram::upper_edge(bin));
        let share = match upper.is_finite() {
            true => ((threshold - lower) / (upper - lower)).max(0.0),
            false => 0.0,
        };
        Self {
            bin,
            share,
            is_edge: threshold <= lower,
        }
    }
}

impl CumulativeHistogram {
    /// How many magnitudes lie in bins before the place's, and how many in its own.
    pub fn around(&self, place: HistogramPlace) -> [u64; 2] {
        let before = place.bin.checked_sub(1).map_or(0, |last| self.sums[last]);
        [before, self.sums[place.bin] - before]
    }

    /// As [`Histogram::count_below`].
    pub fn count_below(&self, threshold: f64) -> f64 {
        let place = HistogramPlace::of(threshold);
        let [before, inside] = self.around(place);
        before as f64 + inside as f64 * place.share
    }
}
