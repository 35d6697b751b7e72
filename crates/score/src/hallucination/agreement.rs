//! Whether what activations show of a layer goes with what leaving it out does.

use layerlab_stats::percentile_interval;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Estimate;
use crate::rank::spearman;

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

impl ContrastAgreement {
    /// Of propensity, AUROC and margin change by layer: of the data as they are, and by resample and layer.
    pub(super) fn of(
        values: &[Vec<Option<f64>>; 3],
        drawn: [&Vec<Vec<Option<f64>>>; 3],
        confidence: f64,
    ) -> Self {
        let estimate = |a: usize, b: usize| {
            let draws = drawn[a].iter().zip(drawn[b]);
            let sample = draws.filter_map(|(a, b)| spearman(a, b)).collect();
            let interval = percentile_interval(sample, confidence);
            Estimate {
                value: spearman(&values[a], &values[b]),
                low: interval.map(|(low, _)| low),
                high: interval.map(|(_, high)| high),
            }
        };
        Self {
            eavss_margin: estimate(0, 2),
            probe_margin: estimate(1, 2),
            eavss_probe: estimate(0, 1),
        }
    }
}
