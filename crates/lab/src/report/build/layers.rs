//! What AVSS is made of: how much activations vary, how many are near zero, how large they are.

use layerlab_stats::{Estimator, Histogram, Tap};

use crate::report::{
    LayerReport, ScoringReport, TapReport,
    number::{percent, significant},
    section::{Cell, Chart, Record, Section, Table},
};

/// Octaves shown, from this power of two to the next.
const OCTAVES: std::ops::Range<i32> = -16..8;

impl ScoringReport {
    /// The statistics at the tap that AVSS reads.
    pub(super) fn layers_section(&self) -> Section {
        let (tap, estimator) = (self.options.score.tap, self.options.score.estimator);
        let layers = self.statistics.iter();
        let layers: Vec<(&LayerReport, &TapReport)> = layers
            .filter_map(|layer| Some((layer, layer.taps.get(&tap)?)))
            .collect();
        let rows = layers.iter().map(|(layer, found)| {
            let numbers = figures(found, estimator).map(|(_, value)| significant(value));
            let mut cells: Vec<Cell> = vec![layer.layer.to_string().into()];
            cells.extend(numbers.map(Cell::from));
            // A share is read best in percent.
            if let Some(cell) = cells.get_mut(2) {
                *cell = percent(Some(found.sparsity.share)).into();
            }
            cells
        });
        let header = [
            "layer",
            "variance (AV)",
            "sparsity (AS)",
            "RMS",
            "kurtosis",
            "largest",
        ];
        let records = layers.iter().flat_map(|(layer, found)| {
            figures(found, estimator).map(|(metric, value)| Record {
                layer: Some(layer.layer),
                tap: tap.to_string(),
                metric: metric.to_owned(),
                value,
                ..Record::default()
            })
        });
        Section {
            id: "activations",
            title: format!("Activations at the {tap} tap"),
            table: Some(Table {
                header: header.map(Into::into).to_vec(),
                keys: 1,
                brief: header.len(),
                rows: rows.collect(),
            }),
            charts: layers
                .iter()
                .map(|(layer, found)| chart(layer.layer, tap, found))
                .collect(),
            notes: vec![format!(
                "AVSS is variance over sparsity: the {estimator} variance, and the share of activations whose magnitude is \
                 below ε = {}. Charts: share of activations by log2 of their magnitude.",
                self.options.score.epsilon
            )],
            records: records.collect(),
            ..Section::default()
        }
    }
}

fn figures(found: &TapReport, estimator: Estimator) -> [(&'static str, Option<f64>); 5] {
    let variance = match estimator {
        Estimator::Pooled => found.variance.pooled,
        Estimator::Element => found.variance.element,
        Estimator::Channel => found.variance.channel,
    };
    [
        ("variance", Some(variance)),
        ("sparsity", Some(found.sparsity.share)),
        ("rms", Some(found.rms)),
        ("kurtosis", found.kurtosis),
        ("largest magnitude", Some(found.max_abs)),
    ]
}

fn chart(layer: usize, tap: Tap, found: &TapReport) -> Chart {
    let empty = std::iter::repeat_n(0, found.histogram.first_bin);
    let counts = empty.chain(found.histogram.counts.iter().copied());
    let histogram = Histogram::from_counts(counts);
    let below = |power: i32| histogram.count_below(2f64.powi(power));
    let total = histogram.total().max(1) as f64;
    Chart::Histogram {
        title: format!("layer {layer}, {tap}"),
        aside: format!("RMS {}", significant(Some(found.rms))),
        from: OCTAVES.start,
        shares: OCTAVES
            .map(|power| (below(power + 1) - below(power)) / total)
            .collect(),
    }
}
