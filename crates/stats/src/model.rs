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

    /// Number of sequences measured.
    pub fn sequences(&self) -> usize {
        let first = self
            .layers
            .first()
            .and_then(|layer| layer.taps.values().next());
        first.map_or(0, |tap| tap.sequences.len())
    }
}
