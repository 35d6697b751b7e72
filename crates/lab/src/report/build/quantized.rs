//! What layers lose in few bits, and what models of several sizes come to.

use layerlab_score::Estimate;
use layerlab_stats::FEW_UNITS;

use super::{
    compared::change_cell,
    model_rows::ModelRow,
    models::{cell, records},
    words::{metric_heading, p_notes},
};
use crate::{
    Allocation, QuantizationReport, QuantizedModel,
    report::{
        Report, bytes,
        number::{interval, significant},
        section::{Bar, Cell, Chart, Record, Section, Table},
    },
};

impl QuantizationReport {
    pub(super) fn sections(&self, report: &Report) -> [Section; 2] {
        [self.models_section(report), self.layers_section()]
    }

    /// Models of several sizes, and of one size with their bits handed out in several ways.
    fn models_section(&self, report: &Report) -> Section {
        let metrics = report.metrics();
        let mut header: Vec<Cell> = ["bits decided by", "layers"].map(Cell::from).into();
        header.extend(
            metrics
                .iter()
                .map(|(task, metric)| metric_heading(*metric, &task.dataset)),
        );
        let beside = metrics
            .first()
            .map(|(task, metric)| (&task.dataset, *metric));
        header.extend(beside.map(|_| Cell::from("measured beside it")));
        let rows = self.models.iter().map(|model| {
            let row = model.row();
            let of_types = Cell::from(model.counts());
            let size = bytes(model.bytes);
            let mut cells = vec![row.label.clone().into(), of_types.with_details([size])];
            cells.extend(metrics.iter().map(|(task, metric)| {
                let result = row.result(&task.dataset, *metric);
                cell(result, row.comparison(&task.dataset, *metric), None)
            }));
            cells.extend(beside.map(|(dataset, metric)| {
                let mut compared = model.measured.iter();
                let compared =
                    compared.find(|one| one.dataset == *dataset && one.comparison.metric == metric);
                compared.map_or("–".into(), |one| change_cell(&one.comparison))
            }));
            cells
        });
        let compared = self.models.iter().flat_map(|model| &model.measured);
        let mut notes = vec![
            format!(
                "Embedding and head are {} in all of these models; kept is beside the model as it is. The last column is the model \
                 measured beside that of the row, which is of the same size or larger.",
                self.embeddings
            ),
            "Ends: the first and the last layers have most bits. Random: chance decides. Reversed: the layers that lose least have \
             most."
                .to_owned(),
        ];
        notes.extend(p_notes(compared.map(|task| &task.comparison)));
        Section {
            id: "quantized",
            title: "Models in few bits".into(),
            brief: true,
            table: Some(Table {
                brief: header.len(),
                header,
                keys: 1,
                rows: rows.collect(),
            }),
            notes,
            records: self
                .models
                .iter()
                .flat_map(QuantizedModel::records)
                .collect(),
            ..Section::default()
        }
    }

    /// What each layer loses, and what it is stored as.
    fn layers_section(&self) -> Section {
        let measured = self.of(Allocation::Measured);
        let stored = |layer: usize| match measured.and_then(|model| model.types.get(layer)) {
            Some(stored) => stored.as_str(),
            None => "–",
        };
        let rough = self.data.sequences < FEW_UNITS;
        let rows = self.sensitivity.iter().enumerate().map(|(layer, change)| {
            let ends = change.low.zip(change.high);
            let ends = ends
                .map(|(low, high)| interval([low, high].map(|end| significant(Some(end))), rough));
            vec![
                layer.to_string().into(),
                Cell::from(significant(change.value)).with_details(ends),
                stored(layer).into(),
            ]
        });
        let bars = self
            .sensitivity
            .iter()
            .enumerate()
            .map(|(layer, change)| Bar {
                label: layer.to_string(),
                value: change.value,
                interval: change.low.zip(change.high),
                stands_out: false,
            });
        let record = |(layer, change): (usize, &Estimate)| Record {
            method: "quantization".into(),
            layer: Some(layer),
            dataset: self.data.name.clone(),
            metric: "loss change".into(),
            value: change.value,
            low: change.low,
            high: change.high,
            rough: Some(rough),
            text: stored(layer).to_owned(),
            ..Record::default()
        };
        Section {
            id: "sensitivity",
            title: format!("What one layer in {} costs", self.stored),
            table: Some(Table {
                header: ["layer", "loss change", "stored as measured"]
                    .map(Into::into)
                    .into(),
                keys: 1,
                brief: 3,
                rows: rows.collect(),
            }),
            charts: vec![Chart::Bars {
                title: format!(
                    "Loss change with one layer in {}, nats per token",
                    self.stored
                ),
                source: String::new(),
                bars: bars.collect(),
            }],
            notes: vec![format!(
                "The mean loss per token of {} is {} nats with all weights as they are. A layer whose change is below 0 loses \
                 nothing.",
                self.data.name,
                significant(self.loss)
            )],
            records: self.sensitivity.iter().enumerate().map(record).collect(),
            ..Section::default()
        }
    }
}

impl QuantizedModel {
    /// Its name in tables.
    pub(super) fn label(&self) -> String {
        match self.allocation {
            Allocation::Uniform => self.types.first().cloned().unwrap_or_default(),
            Allocation::Measured => "measured".into(),
            Allocation::Ends => "ends".into(),
            Allocation::Random => "random".into(),
            Allocation::Reversed => "reversed".into(),
        }
    }

    /// How many layers are of which type, the most bits first.
    fn counts(&self) -> String {
        let types = ["Q8_0", "Q5_0", "Q4_0"].into_iter();
        let counts = types.filter_map(|stored| {
            let count = self.types.iter().filter(|one| *one == stored).count();
            (count > 0).then(|| format!("{count} × {stored}"))
        });
        counts.collect::<Vec<_>>().join(", ")
    }

    fn row(&self) -> ModelRow<'_> {
        ModelRow {
            label: self.label(),
            plan: None,
            tasks: &self.tasks,
            compared: &self.compared,
        }
    }

    /// Its figures beside the model as it is, then the measured model's beside its own.
    fn records(&self) -> Vec<Record> {
        let row = self.row();
        let measured = self.measured.iter().map(|task| {
            let record = Record {
                method: format!("measured beside {}", self.label()),
                dataset: task.dataset.clone(),
                metric: task.comparison.metric.label().to_owned(),
                ..Record::default()
            };
            record.with_comparison(&task.comparison)
        });
        records(&row).chain(measured).collect()
    }
}
