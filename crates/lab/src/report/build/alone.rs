//! What training a layer alone brings, beside what was said of it before.

use layerlab_score::{Estimate, LayerContrast};

use super::{
    located::{beside, estimate, record},
    models::distinct,
    repaired::pooled_cell,
    words::metric_name,
};
use crate::{
    RepairReport, RepairRun, TrainedAlone,
    report::{
        number::significant,
        section::{Bar, Cell, Chart, Record, Section, Table},
    },
};

impl RepairReport {
    /// One for each objective by which several layers were trained alone.
    pub(super) fn alone_sections(&self) -> Vec<Section> {
        self.alone.iter().map(|alone| self.alone(alone)).collect()
    }

    fn alone(&self, alone: &TrainedAlone) -> Section {
        let runs: Vec<(usize, &RepairRun)> = self.trained_alone(alone).collect();
        let said = |layer: usize| {
            let layers = self.located.first().map_or(&[][..], |tap| &tap.layers);
            layers.iter().find(|one| one.layer == layer)
        };
        let margin_change = |layer: usize| {
            let layers = self.margins.iter().flat_map(|margins| &margins.layers);
            let mut of_layer = layers.filter(|one| one.layer == layer);
            of_layer.next().map(|one| one.per_token)
        };
        let figure = |layer: usize, value: fn(&LayerContrast) -> Option<f64>| -> Cell {
            significant(said(layer).and_then(value)).into()
        };
        let metrics = distinct(
            runs.iter()
                .flat_map(|(_, run)| &run.pooled)
                .map(|found| found.metric),
        );
        let rows = runs.iter().map(|(layer, run)| {
            let mut cells: Vec<Cell> = vec![
                layer.to_string().into(),
                gain_cell(run),
                figure(*layer, |one| one.propensity),
                figure(*layer, |one| one.auroc.value),
                margin_change(*layer).map_or("–".into(), |change| estimate(&change)),
            ];
            cells.extend(metrics.iter().map(|metric| pooled_cell(run, *metric)));
            cells.push(run.ended().into());
            cells
        });
        let rows: Vec<Vec<Cell>> = rows.collect();
        let first = [
            "layer",
            "margin gained",
            "|ln EAVSS|",
            "probe AUROC",
            "margin change",
        ];
        let mut header: Vec<Cell> = first.map(Into::into).to_vec();
        header.extend(metrics.iter().map(|metric| metric_name(*metric).into()));
        header.push("best step".into());
        let bars = runs.iter().map(|(layer, run)| {
            let gain = run.margin_gain.unwrap_or_default();
            Bar {
                label: layer.to_string(),
                value: gain.value,
                interval: gain.low.zip(gain.high),
                stands_out: gain.excludes(0.0) == Some(true),
            }
        });
        let correlations = correlations(alone);
        let correlations = correlations.iter().map(|(name, estimate)| Record {
            method: alone.objective.label().to_owned(),
            ..record("", name, estimate)
        });
        let gains = runs.iter().filter_map(|(layer, run)| {
            Some(Record {
                method: alone.objective.label().to_owned(),
                layer: Some(*layer),
                ..record(
                    "",
                    "margin gained per token, trained alone",
                    run.margin_gain.as_ref()?,
                )
            })
        });
        Section {
            id: "trained alone",
            title: format!(
                "What training each layer alone brings, {}",
                alone.objective.label()
            ),
            records: correlations.chain(gains).collect(),
            charts: vec![Chart::Bars {
                title: "Margin gained on held-out pairs by training the layer alone, nats per token"
                    .into(),
                source: "ours".into(),
                bars: bars.collect(),
            }],
            table: Some(Table {
                keys: 1,
                brief: first.len(),
                header,
                rows,
            }),
            notes: vec![
                alone.sentence(),
                "Margin gained: by how much log p(right answer) − log p(wrong answer), in the mean over tokens, rose on held-out \
                 pairs; * marks gains whose interval leaves out 0, each by itself. The other columns were measured on training \
                 pairs before anything was trained. A layer whose training the guard rolled back gained nothing."
                    .into(),
            ],
            ..Section::default()
        }
    }

    /// Whether a run is of a layer alone that is told of with others.
    pub(in crate::report::build) fn is_alone(&self, run: &RepairRun) -> bool {
        let mut alone = self.alone.iter();
        run.layers.len() == 1 && alone.any(|alone| alone.objective == run.objective)
    }

    /// Layers that were trained alone by an objective, each with its run.
    fn trained_alone<'a>(
        &'a self,
        alone: &'a TrainedAlone,
    ) -> impl Iterator<Item = (usize, &'a RepairRun)> {
        let runs = self.runs.iter();
        let runs = runs.filter(|run| run.objective == alone.objective && run.layers.len() == 1);
        runs.filter_map(|run| Some((*run.layers.first()?, run)))
    }
}

impl TrainedAlone {
    /// How far what was said of layers goes with what training them brings.
    pub(super) fn sentence(&self) -> String {
        let said: Vec<String> = correlations(self)
            .iter()
            .map(|(name, estimate)| format!("{name} {}", beside(estimate)))
            .collect();
        format!(
            "Rank correlation over {} layers with what training each alone brings ({}): {}.",
            self.agreement.layers,
            self.objective.label(),
            said.join(", ")
        )
    }
}

/// What correlates, and how.
fn correlations(alone: &TrainedAlone) -> Vec<(&'static str, &Estimate)> {
    let found = &alone.agreement;
    let first = [("|ln EAVSS|", &found.eavss), ("AUROC", &found.probe)];
    let margin = found.margin_change.as_ref();
    let margin = margin.map(|estimate| ("margin change", estimate));
    first.into_iter().chain(margin).collect()
}

/// What the held-out margin gained.
pub(super) fn gain_cell(run: &RepairRun) -> Cell {
    match &run.margin_gain {
        Some(gain) => Cell {
            significant: gain.excludes(0.0) == Some(true),
            ..estimate(gain)
        },
        None => "–".into(),
    }
}
