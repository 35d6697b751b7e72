//! Confidence by resampling sequences (Efron 1979), the same draws for every layer and method.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Direction, ScoreError, ScoreOptions, columns::Values, rank::ranks};

/// How often each sequence is drawn, for the data as they are and for every resample.
pub(crate) struct Bootstrap {
    data: Vec<u32>,
    draws: Vec<Vec<u32>>,
    confidence: f64,
}

/// How one layer's score varies.
pub(crate) struct Spread {
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub probability_lowest: f64,
}

impl Bootstrap {
    /// Resamples of `sequences`; none of a single one, whose resamples would all be itself.
    pub fn new(sequences: usize, options: &ScoreOptions) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(options.seed);
        let resamples = if sequences > 1 { options.resamples } else { 0 };
        let draws = (0..resamples).map(|_| {
            let mut draw = vec![0; sequences];
            for _ in 0..sequences {
                draw[random.random_range(0..sequences)] += 1;
            }
            draw
        });
        Self {
            data: vec![1; sequences],
            draws: draws.collect(),
            confidence: options.confidence,
        }
    }

    /// Every sequence once.
    pub fn data(&self) -> &[u32] {
        &self.data
    }

    /// Percentile intervals, and how often each layer is among the `lowest`; none without resamples.
    pub fn spread(
        &self,
        values: &Values<'_>,
        direction: Direction,
        lowest: usize,
        layers: usize,
    ) -> Result<Option<Vec<Spread>>, ScoreError> {
        if self.draws.is_empty() {
            return Ok(None);
        }
        let mut samples: Vec<Vec<f64>> = vec![Vec::with_capacity(self.draws.len()); layers];
        let mut among_lowest = vec![0u32; layers];
        for draw in &self.draws {
            let found = values(draw)?;
            for (layer, rank) in ranks(&found, direction).into_iter().enumerate() {
                among_lowest[layer] += u32::from(rank.is_some_and(|rank| rank <= lowest));
                samples[layer].extend(found[layer]);
            }
        }
        let spread = samples
            .into_iter()
            .zip(among_lowest)
            .map(|(mut sample, among)| {
                sample.sort_by(f64::total_cmp);
                let tail = (1.0 - self.confidence) / 2.0;
                Spread {
                    low: percentile(&sample, tail),
                    high: percentile(&sample, 1.0 - tail),
                    probability_lowest: f64::from(among) / self.draws.len() as f64,
                }
            });
        Ok(Some(spread.collect()))
    }
}

/// The value below which a share of the sorted sample lies, interpolated between neighbours.
fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share * last as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    Some(below + (above - below) * place.fract())
}
