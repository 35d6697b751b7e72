//! Resampling with replacement (Efron 1979): how an estimate would vary over other data of its kind.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Fewer units (sequences, items, windows, questions) than this make a bootstrap a rough guess: of 10 numbers from a normal
/// distribution, the interval of their mean that says 95 % holds in 90 % of cases; of 5 in 83 %; of 2 in 50 %.
pub const FEW_UNITS: usize = 10;

/// More resamples than this make no interval better that anybody reads, and would take all memory there is.
pub const MOST_RESAMPLES: usize = 100_000;

/// How often each unit (a sequence, a question) is drawn, for the data as they are and for every
/// resample. Estimates that are computed over the same draws can be compared pair by pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resamples {
    data: Vec<u32>,
    draws: Vec<Vec<u32>>,
}

impl Resamples {
    /// `count` resamples of `units`; none of a single unit, whose resamples would all be itself.
    pub fn new(units: usize, count: usize, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let count = if units > 1 { count } else { 0 };
        let draws = (0..count).map(|_| {
            let mut draw = vec![0; units];
            for _ in 0..units {
                draw[random.random_range(0..units)] += 1;
            }
            draw
        });
        Self {
            data: vec![1; units],
            draws: draws.collect(),
        }
    }

    /// Every unit once.
    pub fn data(&self) -> &[u32] {
        &self.data
    }

    /// The resamples.
    pub fn draws(&self) -> &[Vec<u32>] {
        &self.draws
    }

    /// The percentile interval of an estimate; none without resamples, or where the estimate is
    /// defined in none of them.
    pub fn interval(
        &self,
        confidence: f64,
        estimate: impl Fn(&[u32]) -> Option<f64>,
    ) -> Option<(f64, f64)> {
        let estimates = self.draws.iter().filter_map(|draw| estimate(draw));
        percentile_interval(estimates.collect(), confidence)
    }
}

/// The middle of a sample that holds the share `confidence` of it; none of an empty sample.
pub fn percentile_interval(mut sample: Vec<f64>, confidence: f64) -> Option<(f64, f64)> {
    sample.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    Some((percentile(&sample, tail)?, percentile(&sample, 1.0 - tail)?))
}

/// The value below which a share of the sorted sample lies, interpolated between neighbours.
fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share * last as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate() {
        let sample = vec![4.0, 1.0, 3.0, 2.0, 5.0];
        assert_eq!(percentile_interval(sample, 0.5), Some((2.0, 4.0)));
        assert_eq!(percentile_interval(vec![], 0.5), None);
    }

    #[test]
    fn every_draw_has_as_many_units_as_the_data() {
        let resamples = Resamples::new(7, 20, 3);
        let sizes = resamples
            .draws()
            .iter()
            .map(|draw| draw.iter().sum::<u32>());
        assert!(sizes.into_iter().all(|size| size == 7));
        assert_eq!(resamples, Resamples::new(7, 20, 3));
        assert!(Resamples::new(1, 20, 3).draws().is_empty());
    }

    /// What is said of few units: how often the interval of the mean of normal numbers holds the true mean, 0.
    #[test]
    fn of_few_units_intervals_hold_less_often_than_they_say() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut normal = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
        for (units, expected) in [(2, 0.5), (5, 0.83), (FEW_UNITS, 0.9)] {
            let trials = 2000;
            let holds = (0..trials).filter(|trial| {
                let values: Vec<f64> = (0..units).map(|_| normal()).collect();
                let mean = |draw: &[u32]| {
                    let terms = draw.iter().zip(&values);
                    let sum: f64 = terms.map(|(&times, value)| f64::from(times) * value).sum();
                    Some(sum / units as f64)
                };
                let resamples = Resamples::new(units, 200, *trial);
                let (low, high) = resamples.interval(0.95, mean).unwrap();
                low <= 0.0 && 0.0 <= high
            });
            let share = holds.count() as f64 / trials as f64;
            // Four standard deviations of a share, and one hundredth for what so few resamples change.
            let off = 4.0 * (expected * (1.0 - expected) / trials as f64).sqrt() + 0.01;
            assert!((share - expected).abs() < off, "{units}: {share}");
        }
    }

    /// The mean of n values varies by the standard error.
    #[test]
    fn the_interval_of_a_mean_is_that_of_its_standard_error() {
        let values: Vec<f64> = (0..400).map(|index| f64::from(index % 20)).collect();
        let mean = |draw: &[u32]| {
            let sum: f64 = draw
                .iter()
                .zip(&values)
                .map(|(&times, value)| f64::from(times) * value)
                .sum();
            Some(sum / values.len() as f64)
        };
        let (low, high) = Resamples::new(400, 4000, 1).interval(0.95, mean).unwrap();
        let error = (399.0f64 / 12.0 / 400.0).sqrt();
        // The spread of 4,000 resamples is itself known to about 3 %.
        assert!(((high - low) / (2.0 * 1.96 * error) - 1.0).abs() < 0.06);
    }
}
