//! All layers of a model.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{PairStatistics, Tap, TapStatistics};

/// What was measured at one layer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerStatistics {
    /// By tap, for the taps that were asked for.
    pub taps: BTreeMap<Tap, TapStatistics>,
    /// By span n, the input of this block against the input of the block n further on, which for
    /// n = 1 is this block's output. Absent where the model ends before.
    pub spans: BTreeMap<usize, PairStatistics>,
}

impl LayerStatistics {
    /// Appends the sequences of another shard.
    pub fn merge(&mut self, other: Self) {
        for (tap, statistics) in other.taps {
            self.taps.entry(tap).or_default().merge(statistics);
        }
        for (span, statistics) in other.spans {
            self.spans.entry(span).or_default().merge(statistics);
        }
    }
}

/// What was measured in one pass over the calibration set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelStatistics {
    /// One for each layer, first layer first.
    pub layers: Vec<LayerStatistics>,
}

impl ModelStatistics {
    /// Nothing measured yet.
    pub fn new(layers: usize) -> Self {
        Self {
            layers: vec![LayerStatistics::default(); layers],
        }
    }

    /// Appends the sequences of another shard of the same model.
    pub fn merge(&mut self, other: Self) {
        for (layer, more) in self.layers.iter_mut().zip(other.layers) {
            layer.merge(more);
        }
    }

    /// Whether it is of so many sequences, and all layers have the same taps and as many channels, as they do unless a file was
    /// tampered with.
    pub fn is_sound(&self, sequences: usize) -> bool {
        let Some(first) = self.layers.first() else {
            return true;
        };
        let channels = |tap: &TapStatistics| {
            let first = tap.sequences.first();
            first.map_or(0, |sequence| sequence.channel_mean.len())
        };
        self.layers.iter().all(|layer| {
            let taps = layer.taps.iter().all(|(name, tap)| {
                let width = channels(tap);
                let mut sequences_of = tap.sequences.iter();
                first.taps.get(name).map(channels) == Some(width)
                    && tap.sequences.len() == sequences
                    && sequences_of.all(|sequence| sequence.channel_mean.len() == width)
            });
            let mut spans = layer.spans.values();
            taps && layer.taps.len() == first.taps.len()
                && spans.all(|span| span.sequences.len() == sequences)
        })
    }

    /// Number of sequences measured.
    pub fn sequences(&self) -> usize {
        let first = self
            .layers
            .first()
            .and_then(|layer| layer.taps.values().next());
        first.map_or(0, |tap| tap.sequences.len())
    }
}
