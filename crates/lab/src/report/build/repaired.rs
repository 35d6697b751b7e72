//! What repairs are worth, beside each other.

use layerlab_eval::{Comparison, Metric};

use super::{
    alone::gain_cell,
    compared::change_cell,
    located::{beside, record},
    models::distinct,
    task::conversation,
    words::{counted, file_name, layer_list, metric_name, p_notes},
};
use crate::{
    Ending, RepairReport, RepairRun, TaskComparison,
    report::{
        Report,
        number::significant,
        section::{Bar, Cell, Chart, Record, Section, Table},
    },
};

impl RepairRun {
    /// How layers were chosen, and by what objective they were trained.
    pub fn label(&self) -> String {
        format!("{}, {}", self.choice, self.objective.label())
    }

    /// How it ended, and which step was kept.
    pub(super) fn ended(&self) -> String {
        let training = &self.training;
        let best = training.checks.get(training.best);
        let why = match training.ending {
            Some(Ending::Finished) | None => "all steps",
            Some(Ending::NoBetter) => "no better",
            Some(Ending::Guard) => "perplexity guard",
            Some(Ending::Diverged) => "diverged",
            Some(Ending::Stopped) => "stopped by the user",
        };
        format!(
            "step {} of {} ({why})",
            best.map_or(0, |check| check.step),
            training.steps.len()
        )
    }

    /// A metric over all datasets together.
    pub(super) fn pooled(&self, metric: Metric) -> Option<&Comparison> {
        let mut pooled = self.pooled.iter();
        pooled.find(|compared| compared.metric == metric)
    }

    fn compared(&self, dataset: &str, metric: Metric) -> Option<&Comparison> {
        let same =
            |one: &&TaskComparison| one.dataset == dataset && one.comparison.metric == metric;
        self.compared.iter().find(same).map(|one| &one.comparison)
    }

    fn record(&self) -> Record {
        Record {
            method: self.label(),
            layers: layer_list(&self.layers),
            ..Record::default()
        }
    }
}

impl RepairReport {
    pub(super) fn sections(&self, report: &Report) -> Vec<Section> {
        let split = &self.split;
        let asked = self.request.locate.eval.chat.as_ref();
        let asked = asked.map_or(String::new(), |chat| {
            format!(" Questions were asked {}.", conversation(chat))
        });
        let parted = format!(
            "{} pairs were trained on, {} chose the best step; all figures are of the {} held-out questions. Neutral text: \
             {} tokens trained on, {} watched.{}{asked}",
            split.train,
            split.validation,
            split.test,
            split.neutral_train,
            split.neutral_validation,
            split.left_out()
        );
        let definitions = vec![self.definitions.clone()];
        let mut sections = vec![self.together(report, parted), self.by_dataset(report)];
        sections.extend(self.alone_sections());
        sections.extend([Section::of_sentences(
            "definitions",
            "Definitions",
            definitions,
        )]);
        sections.extend(self.located.iter().map(|tap| Section {
            title: format!("Training pairs, at the {} of blocks", tap.tap),
            ..tap.section("")
        }));
        sections
    }

    /// Each repair over all held-out questions.
    fn together(&self, report: &Report, parted: String) -> Section {
        let metrics = distinct(report.metrics().into_iter().map(|(_, metric)| metric));
        let mut header: Vec<Cell> = ["layers chosen by", "layers"].map(Into::into).to_vec();
        header.extend(metrics.iter().map(|metric| metric_name(*metric).into()));
        let has_margins = self.runs.iter().any(|run| run.margin_gain.is_some());
        header.extend(has_margins.then(|| Cell::from("margin")));
        header.extend(["weights", "best step"].map(Cell::from));
        // Layers that were trained alone have a section of their own.
        let runs = || self.runs.iter().filter(|run| !self.is_alone(run));
        let rows = runs().map(|run| {
            let mut cells: Vec<Cell> = vec![run.label().into(), layer_list(&run.layers).into()];
            cells.extend(metrics.iter().map(|metric| pooled_cell(run, *metric)));
            cells.extend(has_margins.then(|| gain_cell(run)));
            cells.extend([run.parameters.to_string(), run.ended()].map(Cell::from));
            cells
        });
        let charts = metrics.iter().map(|metric| {
            let dots = runs().map(|run| {
                let compared = run.pooled(*metric);
                Bar {
                    label: run.label(),
                    value: compared.and_then(|compared| compared.retained),
                    interval: compared.and_then(|one| one.retained_low.zip(one.retained_high)),
                    stands_out: false,
                }
            });
            Chart::Dots {
                title: format!("{} kept", metric.label()),
                dots: dots.collect(),
            }
        });
        let compared = self.runs.iter().flat_map(|run| &run.pooled);
        let note = "Each cell is the change from the model before the repair, with its interval; perplexity's is the share kept.";
        let margin = self.held_out_margin.as_ref().map(|margin| {
            format!(
                "Margin: of right answers over wrong ones on {}, in nats a token; {} before.",
                counted(margin.pairs, "held-out pair"),
                beside(&margin.per_token)
            )
        });
        let records = self.runs.iter().flat_map(|run| {
            let pooled = run.pooled.iter();
            let pooled = pooled.map(|compared| run.record().with_comparison(compared));
            let gain = run.margin_gain.as_ref().map(|gain| Record {
                method: run.label(),
                layers: layer_list(&run.layers),
                ..record("", "margin gained per token", gain)
            });
            pooled.chain(gain)
        });
        Section {
            id: "repairs",
            title: "Repairs beside each other, all held-out questions together".into(),
            brief: true,
            table: (runs().count() > 0).then(|| Table {
                brief: header.len().min(6),
                keys: 2,
                header,
                rows: rows.collect(),
            }),
            charts: charts.filter(|_| runs().count() > 0).collect(),
            notes: [note.to_owned()]
                .into_iter()
                .chain(p_notes(compared))
                .chain(margin)
                .chain([parted])
                .collect(),
            records: records.collect(),
            ..Section::default()
        }
    }

    fn by_dataset(&self, report: &Report) -> Section {
        let header = ["dataset", "metric", "before"].map(Cell::from).into_iter();
        let labels = self.runs.iter().map(|run| Cell::from(run.label()));
        let metrics = report.metrics();
        let rows = metrics.iter().map(|(task, metric)| {
            let before = task.metric(*metric).and_then(|result| result.value);
            let first = [
                file_name(&task.dataset).to_owned(),
                metric_name(*metric),
                significant(before),
            ];
            let cells = self.runs.iter().map(|run| {
                let Some(compared) = run.compared(&task.dataset, *metric) else {
                    return "–".into();
                };
                let after = before.zip(compared.difference).map(|(a, b)| a + b);
                Cell {
                    significant: compared.is_significant(),
                    ..significant(after).into()
                }
            });
            first.map(Cell::from).into_iter().chain(cells).collect()
        });
        let compared = self.runs.iter().flat_map(|run| &run.compared);
        let before = report.evaluation.iter().flat_map(|task| {
            task.metrics.iter().map(|result| {
                Record {
                    dataset: task.dataset.clone(),
                    ..Record::default()
                }
                .with_result(result)
            })
        });
        let after = self.runs.iter().flat_map(|run| {
            run.tasks.iter().flat_map(|task| {
                task.metrics.iter().map(|result| {
                    let record = Record {
                        dataset: task.dataset.clone(),
                        ..run.record()
                    };
                    let record = record.with_result(result);
                    match run.compared(&task.dataset, result.metric) {
                        Some(compared) => record.with_comparison(compared),
                        None => record,
                    }
                })
            })
        });
        Section {
            id: "repairs by dataset",
            title: "By dataset".into(),
            notes: p_notes(compared.map(|task| &task.comparison))
                .into_iter()
                .collect(),
            records: before.chain(after).collect(),
            table: Some(Table {
                rows: rows.collect(),
                keys: 3,
                brief: 3 + self.runs.len(),
                header: header.chain(labels).collect(),
            }),
            ..Section::default()
        }
    }
}

/// What a repair changed of a metric over all held-out questions.
pub(super) fn pooled_cell(run: &RepairRun, metric: Metric) -> Cell {
    run.pooled(metric).map_or("–".into(), change_cell)
}
