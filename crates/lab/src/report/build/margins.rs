//! By how much each layer moves the margin of right answers over wrong ones.

use layerlab_score::{LayerMargin, Margins};
use layerlab_stats::FEW_UNITS;

use super::{
    located::{beside, estimate, record},
    words::file_name,
};
use crate::{
    LocatedDataset,
    report::section::{Bar, Cell, Chart, Record, Section, Table},
};

impl LocatedDataset {
    /// What answers show without any layer, and margins where they were measured; nothing of reports from before that was looked at.
    pub(super) fn margin_section(&self) -> Option<Section> {
        if self.controls.is_none() && self.margins.is_none() {
            return None;
        }
        let controls = self.controls.iter().flat_map(|controls| {
            [
                record(
                    &self.dataset,
                    "AUROC of answer length alone",
                    &controls.length,
                ),
                record(
                    &self.dataset,
                    "AUROC of mean log-probability alone",
                    &controls.log_probability,
                ),
            ]
        });
        let margins = self
            .margins
            .iter()
            .flat_map(|margins| self.records(margins));
        let section = Section {
            id: "margin",
            title: format!(
                "{}, margin of right answers over wrong ones",
                file_name(&self.dataset)
            ),
            brief: true,
            records: controls.chain(margins).collect(),
            ..Section::default()
        };
        Some(match &self.margins {
            None => Section {
                notes: vec!["It was not measured without each layer.".into()],
                ..section
            },
            Some(margins) => Section {
                table: Some(margins.table()),
                charts: vec![margins.chart()],
                notes: vec![
                    format!(
                        "Margin: the mean over pairs of log p(right answer) − log p(wrong answer) in nats: {} summed over the tokens of \
                         an answer, {} in the mean over them.",
                        beside(&margins.summed),
                        beside(&margins.per_token)
                    ),
                    "The change is that of the margin when a layer is left out. Where it is above 0, the layer made wrong answers \
                     likelier; * marks changes whose interval leaves out 0, each by itself. Sums move with the length of answers, and \
                     what breaks the model moves the margin towards 0 from whichever side: ranks are by the change per token."
                        .into(),
                ],
                ..section
            },
        })
    }

    fn records(&self, margins: &Margins) -> Vec<Record> {
        let whole = [
            ("margin", &margins.summed),
            ("margin per token", &margins.per_token),
        ];
        let whole = whole.map(|(name, estimate)| record(&self.dataset, name, estimate));
        let layers = margins.layers.iter().flat_map(|layer| {
            let of_layer = |name, estimate, rank| Record {
                layer: Some(layer.layer),
                rank,
                ..record(&self.dataset, name, estimate)
            };
            [
                of_layer("margin change", &layer.summed, None),
                of_layer("margin change per token", &layer.per_token, layer.rank),
            ]
        });
        whole.into_iter().chain(layers).collect()
    }

    /// The layers whose absence raises the margin, or lowers it, by more than chance.
    pub(super) fn moves(&self, is_raised: bool) -> Vec<&LayerMargin> {
        let layers = self.margins.iter().flat_map(|margins| &margins.layers);
        let is_meant = |layer: &&LayerMargin| {
            let above = layer.per_token.value.is_some_and(|value| value > 0.0);
            layer.per_token.excludes(0.0) == Some(true)
                && above == is_raised
                && self.pairs >= FEW_UNITS
        };
        layers.filter(is_meant).collect()
    }
}

trait Shown {
    fn table(&self) -> Table;
    fn chart(&self) -> Chart;
}

impl Shown for Margins {
    fn table(&self) -> Table {
        let header = ["layer", "margin change per token", "rank", "summed"];
        let starred = |of: &layerlab_score::Estimate| Cell {
            significant: of.excludes(0.0) == Some(true),
            ..estimate(of)
        };
        let rows = self.layers.iter().map(|layer| {
            vec![
                layer.layer.to_string().into(),
                starred(&layer.per_token),
                layer
                    .rank
                    .map_or("–".into(), |rank| rank.to_string())
                    .into(),
                starred(&layer.summed),
            ]
        });
        Table {
            header: header.map(Into::into).to_vec(),
            keys: 1,
            brief: 4,
            rows: rows.collect(),
        }
    }

    fn chart(&self) -> Chart {
        let bars = self.layers.iter().map(|layer| Bar {
            label: layer.layer.to_string(),
            value: layer.per_token.value,
            interval: layer.per_token.low.zip(layer.per_token.high),
            stands_out: layer.rank == Some(1),
        });
        Chart::Bars {
            title: "Margin change without the layer, nats per token".into(),
            source: "ours".into(),
            bars: bars.collect(),
        }
    }
}
