//! Activation statistics as a report holds them: summed over sequences, histograms included, so that
//! another sparsity threshold can be tried without the model.

use std::collections::BTreeMap;

use layerlab_score::ScoreOptions;
use layerlab_stats::{Estimator, Histogram, ModelStatistics, PairStatistics, Tap, TapStatistics};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LayerReport {
    /// The layer, from 0.
    pub layer: usize,
    /// By tap.
    pub taps: BTreeMap<Tap, TapReport>,
    /// By span n: the block's input against what leaves the n-th block from it.
    #[serde(with = "super::text_keys")]
    #[schemars(with = "BTreeMap<usize, PairReport>")]
    pub spans: BTreeMap<usize, PairReport>,
}

/// One layer at one tap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TapReport {
    /// Real tokens.
    pub tokens: u64,
    /// Finite elements.
    pub elements: u64,
    /// Elements that are not a number.
    pub nan: u64,
    /// Infinite elements.
    pub inf: u64,
    /// Mean over elements.
    pub mean: f64,
    /// Root mean square over elements.
    pub rms: f64,
    /// Kurtosis over elements, 3 for a normal distribution; none where all are equal.
    pub kurtosis: Option<f64>,
    /// Largest magnitude.
    pub max_abs: f64,
    /// Activation variance by every estimator.
    pub variance: VarianceReport,
    /// Share of elements near zero.
    pub sparsity: SparsityReport,
    /// Magnitudes.
    pub histogram: HistogramReport,
}

/// Activation variance by every estimator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VarianceReport {
    /// Over channels of each sequence's mean, as the AVSS authors' code.
    pub pooled: f64,
    /// Over all elements, as the AVSS paper's formula.
    pub element: f64,
    /// Over tokens of each channel, mean over channels.
    pub channel: f64,
}

/// Share of elements near zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SparsityReport {
    /// Elements with |a| < ε over all elements.
    pub share: f64,
    /// Whether there are none: a score then divides by 1 / elements.
    pub saturated: bool,
    /// What `share` may be off by: 0 where elements were counted, more where it was read from the
    /// histogram.
    pub uncertainty: f64,
}

/// Counts of magnitudes. Bin 0 is [0, 2^-40); bin b from 1 on begins at
/// (1 + ((b - 1) mod 8) / 8) * 2^(floor((b - 1) / 8) - 40); the last bin, 513, is [2^24, infinity).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistogramReport {
    /// The first bin that is not empty.
    pub first_bin: usize,
    /// Counts from there to the last bin that is not empty.
    pub counts: Vec<u64>,
}

/// Hidden states before and after, compared token by token; values are none where no token could be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairReport {
    /// Mean cosine.
    pub mean_cosine: Option<f64>,
    /// Mean of 1 - cosine.
    pub block_influence: Option<f64>,
    /// Mean angle over pi.
    pub angular_distance: Option<f64>,
    /// The same at each sequence's last token.
    pub last_angular_distance: Option<f64>,
    /// Mean of the update's norm over the output's.
    pub relative_magnitude: Option<f64>,
    /// Tokens that could not be compared.
    pub degenerate: u64,
}

pub(crate) fn layer_reports(
    statistics: &ModelStatistics,
    options: &ScoreOptions,
) -> Vec<LayerReport> {
    let ones = vec![1; statistics.sequences()];
    let layers = statistics.layers.iter().enumerate();
    layers
        .map(|(layer, measured)| {
            let taps = measured.taps.iter();
            let spans = measured.spans.iter();
            LayerReport {
                layer,
                taps: taps
                    .map(|(tap, measured)| (*tap, tap_report(measured, options, &ones)))
                    .collect(),
                spans: spans
                    .map(|(span, measured)| (*span, pair_report(measured, &ones)))
                    .collect(),
            }
        })
        .collect()
}

fn tap_report(measured: &TapStatistics, options: &ScoreOptions, ones: &[u32]) -> TapReport {
    let moments = measured.moments(ones);
    let sparsity = measured.sparsity(options.epsilon, ones);
    TapReport {
        tokens: measured.tokens(),
        elements: moments.count,
        nan: measured.nan(),
        inf: measured.inf(),
        mean: moments.mean,
        rms: moments.rms(),
        kurtosis: moments.kurtosis(),
        max_abs: measured.max_abs(),
        variance: VarianceReport {
            pooled: measured.variance(Estimator::Pooled, ones),
            element: measured.variance(Estimator::Element, ones),
            channel: measured.variance(Estimator::Channel, ones),
        },
        sparsity: SparsityReport {
            share: sparsity.share,
            saturated: sparsity.saturated,
            uncertainty: sparsity.uncertainty,
        },
        histogram: histogram_report(&measured.histogram()),
    }
}

fn histogram_report(histogram: &Histogram) -> HistogramReport {
    let counts = histogram.counts();
    let is_used = |count: &u64| *count > 0;
    let first_bin = counts.iter().position(is_used).unwrap_or(0);
    let end = counts.iter().rposition(is_used).map_or(0, |last| last + 1);
    HistogramReport {
        first_bin,
        counts: counts.get(first_bin..end).unwrap_or_default().to_vec(),
    }
}

fn pair_report(measured: &PairStatistics, ones: &[u32]) -> PairReport {
    PairReport {
        mean_cosine: measured.mean_cosine(ones),
        block_influence: measured.block_influence(ones),
        angular_distance: measured.angular_distance(ones),
        last_angular_distance: measured.last_angular_distance(ones),
        relative_magnitude: measured.relative_magnitude(ones),
        degenerate: measured.degenerate(),
    }
}
