//! Whether what activations show of a layer goes with what leaving it out does, and with what training it alone brings.

use std::collections::BTreeMap;

use layerlab_stats::{Resamples, percentile_interval};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ContrastOptions, Estimate, margin::mean};
use crate::rank::spearman;

/// One figure of each layer: of the data as they are, and of each resample.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drawn {
    pub values: Vec<Option<f64>>,
    pub resamples: Vec<Vec<Option<f64>>>,
}

impl Drawn {
    /// Spearman's ρ over layers, with an interval from resamples of both.
    fn correlation(&self, other: &Self, confidence: f64) -> Estimate {
        let draws = self.resamples.iter().zip(&other.resamples);
        let sample = draws.filter_map(|(a, b)| spearman(a, b)).collect();
        let interval = percentile_interval(sample, confidence);
        Estimate {
            value: spearman(&self.values, &other.values),
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
        }
    }
}

/// What is said of layers: of the data as they are, and of each resample of the pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSigns {
    pub(super) propensity: Drawn,
    pub(super) auroc: Drawn,
    /// Where layers were left out.
    pub(super) margin_change: Option<Drawn>,
}

impl LayerSigns {
    /// How far they order layers alike; none where layers were not left out.
    pub fn agreement(&self, confidence: f64) -> Option<ContrastAgreement> {
        let margin_change = self.margin_change.as_ref()?;
        Some(ContrastAgreement {
            eavss_margin: self.propensity.correlation(margin_change, confidence),
            probe_margin: self.auroc.correlation(margin_change, confidence),
            eavss_probe: self.propensity.correlation(&self.auroc, confidence),
        })
    }

    /// How far they order layers as training each alone does. `gains` has for each layer that was trained what each pair gained, in
    /// the same order of pairs, which need not be those that the signs are of.
    pub fn with_training(
        &self,
        gains: &BTreeMap<usize, Vec<f64>>,
        options: &ContrastOptions,
    ) -> TrainingAgreement {
        let pairs = gains.values().next().map_or(0, Vec::len);
        let resamples = Resamples::new(pairs, options.resamples, options.seed);
        let layers = self.propensity.values.len();
        let means = |draw: &[u32]| {
            let of = |layer| gains.get(&layer).and_then(|gains| mean(gains, draw));
            (0..layers).map(of).collect::<Vec<Option<f64>>>()
        };
        let gained = Drawn {
            values: means(resamples.data()),
            resamples: resamples.draws().iter().map(|draw| means(draw)).collect(),
        };
        let with = |drawn: &Drawn| drawn.correlation(&gained, options.confidence);
        TrainingAgreement {
            layers: gains.len(),
            eavss: with(&self.propensity),
            probe: with(&self.auroc),
            margin_change: self.margin_change.as_ref().map(with),
        }
    }
}

/// Spearman's rank correlations over layers, with intervals over pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContrastAgreement {
    /// Of propensity |ln EAVSS| and margin change.
    pub eavss_margin: Estimate,
    /// Of the probe's AUROC and margin change.
    pub probe_margin: Estimate,
    /// Of propensity and the probe's AUROC.
    pub eavss_probe: Estimate,
}

/// Spearman's rank correlations over layers with what training a layer alone adds to the margin, with intervals over pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrainingAgreement {
    /// Layers that were trained alone.
    pub layers: usize,
    /// Of propensity |ln EAVSS|.
    pub eavss: Estimate,
    /// Of the probe's AUROC.
    pub probe: Estimate,
    /// Of margin change; none where layers were not left out.
    pub margin_change: Option<Estimate>,
}
