//! What models make of datasets: the whole one, those that plans leave, or two models beside each other.

use layerlab_eval::{Comparison, Metric, MetricResult};

use super::{
    compared::{of_this_comparison, retained_cell},
    model_rows::ModelRow,
    task::describe,
    words::{file_name, kept, metric_heading, metric_name, p_notes, p_value},
};
use crate::report::{
    Report,
    number::{interval, significant},
    section::{Bar, Cell, Chart, Record, Section, Table},
};

impl Report {
    /// The table of tasks, where any model was asked.
    pub(super) fn model_sections(&self) -> Option<Section> {
        if self.evaluation.is_empty() {
            return None;
        }
        let title = match (&self.pruning, &self.comparison) {
            (Some(pruning), _) => format!("What is kept after removing {}", pruning.request.budget),
            (None, Some(_)) => "Both models on the same items".to_owned(),
            (None, None) => "What the model can do".to_owned(),
        };
        let rows = self.model_rows();
        Some(Section {
            id: "tasks",
            title,
            brief: true,
            table: Some(match self.pruning {
                Some(_) => self.table_of_plans(&rows),
                None => self.table_of_models(&rows),
            }),
            charts: self.kept_charts(&rows),
            notes: self.task_notes(),
            records: rows.iter().flat_map(records).collect(),
            ..Section::default()
        })
    }

    /// Plans are many: a line for each. What is kept of the first metric stands in a column of its own.
    fn table_of_plans(&self, rows: &[ModelRow<'_>]) -> Table {
        let metrics = self.metrics();
        let mut header: Vec<Cell> = ["chosen by", "removed"].map(Into::into).to_vec();
        let main = metrics.first();
        header.extend(main.map(|(task, metric)| {
            let of = format!("of {}, {}", metric.label(), file_name(&task.dataset));
            Cell::from("kept").with_details([of])
        }));
        header.extend(
            metrics
                .iter()
                .map(|(task, metric)| metric_heading(*metric, &task.dataset)),
        );
        let cells = |row: &ModelRow<'_>| {
            let mut cells: Vec<Cell> = vec![row.label.clone().into(), row.removed().into()];
            cells.extend(main.map(|(task, metric)| match row.plan {
                Some(_) => retained_cell(row.comparison(&task.dataset, *metric)),
                None => kept(1.0).into(),
            }));
            let of_metric = metrics.iter().enumerate().map(|(index, (task, metric))| {
                let result = row.result(&task.dataset, *metric);
                let compared = row.comparison(&task.dataset, *metric).filter(|_| index > 0);
                cell(result, compared, row.bits(&task.dataset, *metric))
            });
            cells.extend(of_metric);
            cells
        };
        Table {
            header,
            keys: 2,
            brief: 3,
            rows: rows.iter().map(cells).collect(),
        }
    }

    /// One model, or two, have a line for each metric.
    fn table_of_models(&self, rows: &[ModelRow<'_>]) -> Table {
        let columns = ["dataset", "metric"].map(Cell::from).into_iter();
        let labels = rows.iter().map(|row| row.label.clone().into());
        let of_metrics = self.metrics().into_iter().map(|(task, metric)| {
            let dataset = file_name(&task.dataset).to_owned();
            let cells = rows.iter().map(|row| {
                let result = row.result(&task.dataset, metric);
                cell(result, row.comparison(&task.dataset, metric), None)
            });
            let keys = [dataset, metric_name(metric)].map(Cell::from).into_iter();
            keys.chain(cells).collect()
        });
        Table {
            keys: 2,
            brief: 2 + rows.len(),
            rows: of_metrics.collect(),
            header: columns.chain(labels).collect(),
        }
    }

    /// How each task was run, and how to read the table.
    fn task_notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(pruning) = &self.pruning {
            notes.push(format!(
                "Kept: for perplexity, where less is better (↓), the whole model's value over the pruned one's; for the rest the other way \
                 round. In brackets: {} % intervals.",
                100.0 * pruning.options.confidence.level
            ));
            let last = pruning.plans.iter();
            let last = last.filter_map(|plan| pruning.outcome(plan, plan.removed.len()));
            let compared = last.flat_map(|outcome| &outcome.compared);
            notes.extend(p_notes(compared.map(|task| &task.comparison)));
        } else if let Some(comparison) = &self.comparison {
            notes.push(
                "Kept: the second model's value over the first's, or the first's over the second's where ↓."
                    .into(),
            );
            let compared = comparison.compared.iter();
            notes.extend(p_notes(compared.map(|task| &task.comparison)));
            notes.extend(comparison.compared.iter().filter_map(of_this_comparison));
        }
        notes.extend(self.evaluation.iter().map(describe));
        notes
    }

    /// What every other model keeps, a chart for each metric in which it was compared.
    fn kept_charts(&self, rows: &[ModelRow<'_>]) -> Vec<Chart> {
        let changed = rows.get(1..).unwrap_or_default();
        let metrics = self.metrics().into_iter();
        let charts = metrics.filter_map(|(task, metric)| {
            let dots = changed.iter().map(|row| {
                let compared = row.comparison(&task.dataset, metric);
                Bar {
                    label: row.label.clone(),
                    value: compared.and_then(|compared| compared.retained),
                    interval: compared
                        .and_then(|compared| compared.retained_low.zip(compared.retained_high)),
                    stands_out: false,
                }
            });
            let dots: Vec<Bar> = dots.collect();
            dots.iter()
                .any(|dot| dot.value.is_some())
                .then(|| Chart::Dots {
                    title: format!("{} kept, {}", metric.label(), file_name(&task.dataset)),
                    dots,
                })
        });
        charts.collect()
    }
}

/// A value with its interval, what is kept of the first model's, and how sure the difference is.
pub(super) fn cell(
    result: Option<&MetricResult>,
    compared: Option<&Comparison>,
    bits: Option<f64>,
) -> Cell {
    let Some(result) = result else {
        return "–".into();
    };
    let mut details = Vec::new();
    if let (Some(low), Some(high)) = (result.low, result.high) {
        let ends = [low, high].map(|end| significant(Some(end)));
        details.push(interval(ends, result.rough));
    }
    if let Some(compared) = compared {
        if let Some(retained) = compared.retained {
            let ends = compared.retained_low.zip(compared.retained_high);
            let ends = ends.map(|(low, high)| {
                let ends = [low, high].map(kept);
                format!(" {}", interval(ends, compared.rough))
            });
            details.push(format!(
                "kept {}{}",
                kept(retained),
                ends.unwrap_or_default()
            ));
        }
        details.extend(p_value(compared));
    }
    details.extend(bits.map(|bits| format!("{} bits/byte", significant(Some(bits)))));
    Cell {
        significant: compared.is_some_and(Comparison::is_significant),
        ..Cell::from(significant(result.value)).with_details(details)
    }
}

pub(super) fn records<'a>(row: &'a ModelRow<'_>) -> impl Iterator<Item = Record> + 'a {
    let schedule = row
        .plan
        .map_or(String::new(), |plan| plan.schedule.to_string());
    let method = row
        .plan
        .map_or_else(|| row.label.clone(), |plan| plan.method.to_string());
    row.tasks.iter().flat_map(move |task| {
        let (schedule, method) = (schedule.clone(), method.clone());
        task.metrics.iter().map(move |result| {
            let record = Record {
                method: method.clone(),
                schedule: schedule.clone(),
                layers: row.removed(),
                dataset: task.dataset.clone(),
                ..Record::default()
            };
            let record = record.with_result(result);
            match row.comparison(&task.dataset, result.metric) {
                Some(compared) => record.with_comparison(compared),
                None => record,
            }
        })
    })
}

/// Datasets with their metrics once each, whatever the dataset.
pub(super) fn distinct(metrics: impl IntoIterator<Item = Metric>) -> Vec<Metric> {
    let mut distinct = Vec::new();
    for metric in metrics {
        if !distinct.contains(&metric) {
            distinct.push(metric);
        }
    }
    distinct
}
