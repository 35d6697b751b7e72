//! Confidence by resampling, the same draws for every layer and for every method of the same units.

use layerlab_stats::{Resamples, percentile_interval};

use crate::{
    Direction, LayerLosses, ScoreError, ScoreOptions,
    columns::{ColumnValues, Units},
    rank::ranks,
};

/// Resamples of what statistics were taken of, and of what losses were.
pub(crate) struct Bootstraps {
    sequences: Bootstrap,
    losses: Bootstrap,
}

impl Bootstraps {
    /// Losses of as many units as there are sequences are drawn together with these. Of another number, as of some of the
    /// sequences or of answers, they are drawn on their own.
    pub fn new(sequences: usize, losses: Option<&LayerLosses>, options: &ScoreOptions) -> Self {
        let units = losses.map_or(sequences, |losses| losses.tokens.len());
        Self {
            sequences: Bootstrap::new(sequences, options),
            losses: Bootstrap::new(units, options),
        }
    }

    pub fn of(&self, units: Units) -> &Bootstrap {
        match units {
            Units::Sequences => &self.sequences,
            Units::Losses => &self.losses,
        }
    }
}

/// Resamples, and how wide an interval is wanted.
pub(crate) struct Bootstrap {
    resamples: Resamples,
    confidence: f64,
}

/// How one layer's score varies.
pub(crate) struct Spread {
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub probability_lowest: f64,
}

impl Bootstrap {
    fn new(units: usize, options: &ScoreOptions) -> Self {
        Self {
            resamples: Resamples::new(units, options.resamples, options.seed),
            confidence: options.confidence,
        }
    }

    /// Every unit once.
    pub fn data(&self) -> &[u32] {
        self.resamples.data()
    }

    /// The resamples.
    pub fn draws(&self) -> &[Vec<u32>] {
        self.resamples.draws()
    }

    /// The percentile interval of a sample; none of an empty one.
    pub fn interval(&self, sample: Vec<f64>) -> Option<(f64, f64)> {
        percentile_interval(sample, self.confidence)
    }

    /// Percentile intervals, and how often each layer is among the `lowest`; none without resamples.
    pub fn spread(
        &self,
        values: &ColumnValues<'_>,
        direction: Direction,
        lowest: usize,
        layers: usize,
    ) -> Result<Option<Vec<Spread>>, ScoreError> {
        let draws = self.draws();
        if draws.is_empty() {
            return Ok(None);
        }
        let mut samples: Vec<Vec<f64>> = vec![Vec::with_capacity(draws.len()); layers];
        let mut among_lowest = vec![0u32; layers];
        for draw in draws {
            let found = values(draw)?;
            for (layer, rank) in ranks(&found, direction).into_iter().enumerate() {
                among_lowest[layer] += u32::from(rank.is_some_and(|rank| rank <= lowest));
                samples[layer].extend(found[layer]);
            }
        }
        let spread = samples
            .into_iter()
            .zip(among_lowest)
            .map(|(sample, among)| {
                let interval = self.interval(sample);
                Spread {
                    low: interval.map(|(low, _)| low),
                    high: interval.map(|(_, high)| high),
                    probability_lowest: f64::from(among) / draws.len() as f64,
                }
            });
        Ok(Some(spread.collect()))
    }
}
