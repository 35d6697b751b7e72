//! The tables of tasks: the whole model, and what each plan kept.

use layerlab_eval::{Comparison, Metric, MetricResult, PairedTest, TaskResult};
use layerlab_score::{Plan, Role};
use layerlab_stats::FEW_UNITS;

use super::{
    Outcome, PruningReport, Report,
    number::{interval, significant},
    table::Style,
    task_line::describe,
};
use crate::TaskComparison;

/// A model in the table: the whole one, one that a plan leaves, or another.
pub(super) struct Row<'a> {
    pub label: String,
    pub plan: Option<&'a Plan>,
    pub tasks: &'a [TaskResult],
    pub compared: &'a [TaskComparison],
}

impl Row<'_> {
    /// The layers removed, in their order of removal.
    pub fn removed(&self) -> String {
        let removed = self.plan.map_or(&[][..], |plan| &plan.removed);
        let removed: Vec<String> = removed.iter().map(ToString::to_string).collect();
        removed.join(" ")
    }

    pub fn result(&self, dataset: &str, metric: Metric) -> Option<&MetricResult> {
        let mut tasks = self.tasks.iter().filter(|task| task.dataset == dataset);
        tasks.find_map(|task| task.metric(metric))
    }

    pub fn comparison(&self, dataset: &str, metric: Metric) -> Option<&Comparison> {
        let same =
            |task: &&TaskComparison| task.dataset == dataset && task.comparison.metric == metric;
        self.compared.iter().find(same).map(|task| &task.comparison)
    }

    /// A value with its interval, what is kept of the whole model's, and how sure the difference is.
    fn cell(&self, dataset: &str, metric: Metric, separator: &str) -> String {
        let Some(result) = self.result(dataset, metric) else {
            return "–".to_owned();
        };
        let mut parts = vec![significant(result.value)];
        if let (Some(low), Some(high)) = (result.low, result.high) {
            let ends = [low, high].map(|end| significant(Some(end)));
            parts.push(interval(ends, result.rough));
        }
        if let Some(compared) = self.comparison(dataset, metric) {
            if let Some(retained) = compared.retained {
                let ends = compared.retained_low.zip(compared.retained_high);
                let ends = ends.map(|(low, high)| {
                    let ends = [low, high].map(kept);
                    format!(" {}", interval(ends, compared.rough))
                });
                parts.push(format!(
                    "kept {}{}",
                    kept(retained),
                    ends.unwrap_or_default()
                ));
            }
            parts.extend(p_value(compared));
        }
        parts.join(separator)
    }

    /// The same, with bits per byte below perplexity, which are no comparison of their own.
    fn cell_with_bits(&self, dataset: &str, metric: Metric, separator: &str) -> String {
        let cell = self.cell(dataset, metric, separator);
        match self.bits(dataset, metric) {
            Some(bits) => format!("{cell}{separator}{} bits/byte", significant(Some(bits))),
            None => cell,
        }
    }

    /// Bits per byte beside a perplexity.
    pub fn bits(&self, dataset: &str, metric: Metric) -> Option<f64> {
        let of_text = (metric == Metric::Perplexity).then_some(Metric::BitsPerByte)?;
        self.result(dataset, of_text)?.value
    }
}

/// The corrected p-value in a cell, with a star where it is significant.
pub(super) fn p_value(compared: &Comparison) -> Option<String> {
    let found = compared.significance?;
    let star = if found.significant { "*" } else { "" };
    Some(format!("p {}{star}", significant(Some(found.p_adjusted))))
}

/// What p-values and stars of a table mean.
pub(super) fn p_note<'a>(mut compared: impl Iterator<Item = &'a Comparison>) -> Option<String> {
    let found = compared.find_map(|compared| compared.significance)?;
    let of = match found.comparisons {
        1 => String::new(),
        count => format!(", corrected by Holm's method for the {count} comparisons of this table"),
    };
    Some(format!(
        "p: of McNemar's exact test where items are right or wrong, else of a permutation test of pairs{of}; * where it is \
         at most {} and there are {FEW_UNITS} items or windows. Intervals are of each figure alone; ~ of fewer than {FEW_UNITS}, too narrow.",
        found.alpha
    ))
}

impl Report {
    /// The whole model first, then the plans in the order of the scores, or the other model.
    pub(super) fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = vec![Row {
            label: "whole model".into(),
            plan: None,
            tasks: &self.evaluation,
            compared: &[],
        }];
        if let Some(pruning) = &self.pruning {
            rows.extend(pruning.plans.iter().map(|plan| {
                let outcome = pruning.outcome(plan, plan.removed.len());
                Row {
                    label: plan_label(plan),
                    plan: Some(plan),
                    tasks: outcome.map_or(&[], |outcome| &outcome.tasks),
                    compared: outcome.map_or(&[], |outcome| &outcome.compared),
                }
            }));
        }
        rows.extend(self.comparison.iter().map(|comparison| Row {
            label: "with".into(),
            plan: None,
            tasks: &comparison.evaluation,
            compared: &comparison.compared,
        }));
        rows
    }

    /// Datasets with their metrics, in the order of the whole model's results; bits per byte apart, which are shown
    /// beside perplexity, but where other models are compared in them.
    pub(super) fn metrics(&self) -> Vec<(&TaskResult, Metric)> {
        let tasks = self.evaluation.iter();
        let all =
            tasks.flat_map(|task| task.metrics.iter().map(move |result| (task, result.metric)));
        let is_shown = |(_, metric): &(&TaskResult, Metric)| {
            let one_model = self.pruning.is_some() || self.repair.is_some();
            *metric != Metric::BitsPerByte || !one_model
        };
        all.filter(is_shown).collect()
    }

    pub(super) fn task_sections(
        &self,
        style: Style,
        heading: &dyn Fn(&str) -> String,
    ) -> Vec<String> {
        if self.evaluation.is_empty() {
            return Vec::new();
        }
        let mut sections = Vec::new();
        let title = match (&self.pruning, &self.comparison) {
            (Some(pruning), _) => format!("What is kept after removing {}", pruning.request.budget),
            (None, Some(_)) => "Both models on the same items".to_owned(),
            (None, None) => "What the model can do".to_owned(),
        };
        sections.push(format!(
            "{}\n{}\n{}",
            heading(&title),
            self.task_table(style),
            self.task_notes().join("\n")
        ));
        if let Some(pruning) = &self.pruning {
            if let Some(spread) = self.random_spread(pruning) {
                sections.push(format!("{}\n{spread}", heading("Random removal")));
            }
            sections.push(format!(
                "{}\n{}",
                heading("Pareto line: the lowest perplexity for each number of layers removed"),
                pruning.frontier_table(self.whole_perplexity(), style)
            ));
            sections.push(format!(
                "{}\n{}",
                heading("What to conclude"),
                pruning.conclusions.join("\n")
            ));
            if !pruning.block_passes.is_empty() {
                let lines = pruning.block_passes.iter().map(|passes| {
                    format!(
                        "{}: {} passes of a sequence through a block, {:.2} of the {} without shared prefixes",
                        passes.purpose,
                        passes.counted,
                        passes.counted as f64 / passes.plain as f64,
                        passes.plain
                    )
                });
                let lines: Vec<String> = lines.collect();
                sections.push(format!("{}\n{}", heading("Work"), lines.join("\n")));
            }
        }
        sections
    }

    pub(super) fn whole_perplexity(&self) -> Option<f64> {
        crate::evaluate::perplexity(&self.evaluation)
    }

    /// Plans are many: a line for each. One model, or two, have a line for each metric.
    fn task_table(&self, style: Style) -> String {
        let (metrics, models) = (self.metrics(), self.rows());
        let separator = match style {
            Style::Terminal => "\n",
            Style::Markdown => " ",
        };
        let name = |metric: Metric| match metric.higher_is_better() {
            true => metric.label().to_owned(),
            false => format!("{} ↓", metric.label()),
        };
        let names = metrics
            .iter()
            .map(|(task, metric)| (name(*metric), file_name(&task.dataset)));
        let (header, rows): (Vec<String>, Vec<Vec<String>>) = match self.pruning {
            Some(_) => {
                let names = names.map(|(metric, dataset)| format!("{metric}{separator}{dataset}"));
                let columns = ["model".to_owned(), "removed".to_owned()];
                let rows = models.iter().map(|model| {
                    let removed = match model.plan {
                        Some(plan) if plan.removed.is_empty() => "none".to_owned(),
                        _ => model.removed(),
                    };
                    let cells = metrics.iter().map(|(task, metric)| {
                        model.cell_with_bits(&task.dataset, *metric, separator)
                    });
                    [model.label.clone(), removed]
                        .into_iter()
                        .chain(cells)
                        .collect()
                });
                (columns.into_iter().chain(names).collect(), rows.collect())
            }
            None => {
                let columns = ["dataset".to_owned(), "metric".to_owned()];
                let labels = models.iter().map(|model| model.label.clone());
                let rows = names
                    .zip(&metrics)
                    .map(|((metric, dataset), (task, kind))| {
                        let cells = models
                            .iter()
                            .map(|model| model.cell(&task.dataset, *kind, " "));
                        [dataset.to_owned(), metric]
                            .into_iter()
                            .chain(cells)
                            .collect()
                    });
                (columns.into_iter().chain(labels).collect(), rows.collect())
            }
        };
        style.draw(header, rows)
    }

    /// How each task was run, and how to read the table.
    pub(super) fn task_notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.evaluation.iter().map(describe).collect();
        if let Some(pruning) = &self.pruning {
            let level = pruning.options.confidence.level;
            notes.push(format!(
                "In brackets: {} % intervals (Wilson for shares of items, else bootstrap). Kept: over the whole model's \
                 value, or under it where ↓.",
                100.0 * level
            ));
            let last = pruning.plans.iter();
            let last = last.filter_map(|plan| pruning.outcome(plan, plan.removed.len()));
            let compared = last.flat_map(|outcome| &outcome.compared);
            notes.extend(p_note(compared.map(|task| &task.comparison)));
        } else if let Some(comparison) = &self.comparison {
            notes.push("Kept: over the first model's value, or under it where ↓.".into());
            let compared = comparison.compared.iter();
            notes.extend(p_note(compared.map(|task| &task.comparison)));
            for task in &comparison.compared {
                let Some(found) = task.comparison.significance else {
                    continue;
                };
                let test = match found.test {
                    PairedTest::McNemar => "McNemar's exact test",
                    PairedTest::Permutation => "permutation test of pairs",
                };
                notes.push(format!(
                    "{} on {}: p = {} for this comparison alone ({test}), {} corrected",
                    task.comparison.metric.label(),
                    file_name(&task.dataset),
                    significant(Some(found.p)),
                    significant(Some(found.p_adjusted))
                ));
            }
        }
        notes
    }

    /// Mean and range over the seeds of random removal, in words.
    fn random_spread(&self, pruning: &PruningReport) -> Option<String> {
        let scores = &self.scoring.as_ref()?.scores;
        let is_random = |plan: &&Plan| {
            let method = scores
                .methods
                .iter()
                .find(|method| method.id == plan.method);
            method.is_some_and(|method| method.role == Role::Baseline)
                && plan.method.starts_with("random")
        };
        let plans: Vec<&Plan> = pruning.plans.iter().filter(is_random).collect();
        if plans.len() < 2 {
            return None;
        }
        let lines = self.metrics().into_iter().filter_map(|(task, metric)| {
            let values = plans.iter().filter_map(|plan| {
                let outcome = pruning.outcome(plan, plan.removed.len())?;
                let task = outcome
                    .tasks
                    .iter()
                    .find(|other| other.dataset == task.dataset)?;
                task.metric(metric)?.value
            });
            let values: Vec<f64> = values.collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let low = values.iter().copied().reduce(f64::min)?;
            let high = values.iter().copied().reduce(f64::max)?;
            let number = |value| significant(Some(value));
            Some(format!(
                "{} on {}: mean {} over {} seeds, from {} to {}",
                metric.label(),
                file_name(&task.dataset),
                number(mean),
                values.len(),
                number(low),
                number(high)
            ))
        });
        Some(lines.collect::<Vec<_>>().join("\n"))
    }
}

impl PruningReport {
    fn frontier_table(&self, whole: Option<f64>, style: Style) -> String {
        let mut rows: Vec<Vec<String>> = Vec::new();
        rows.push(vec![
            "0".into(),
            String::new(),
            significant(whole),
            "1".into(),
            "whole model".into(),
        ]);
        rows.extend(self.frontier().into_iter().map(|point| {
            let removed: Vec<String> = point.removed.iter().map(ToString::to_string).collect();
            let plans: Vec<String> = point.plans.into_iter().map(plan_label).collect();
            let outcome = self
                .outcomes
                .iter()
                .find(|one| one.removed == *point.removed);
            let retained = outcome.and_then(Outcome::retained);
            vec![
                point.removed.len().to_string(),
                removed.join(" "),
                significant(Some(point.perplexity)),
                retained.map_or("–".into(), kept),
                plans.join("; "),
            ]
        }));
        let header = ["removed", "layers", "perplexity", "kept", "by"];
        style.draw(header.map(Into::into).to_vec(), rows)
    }
}

/// A plan's method and, where there is a choice, its schedule.
pub(super) fn plan_label(plan: &Plan) -> String {
    match (plan.schedule, plan.method.as_str()) {
        (layerlab_score::Schedule::OneShot, _) => plan.label.clone(),
        (layerlab_score::Schedule::Iterative, "loss_change") => format!("{} (greedy)", plan.label),
        (layerlab_score::Schedule::Iterative, _) => format!("{} (iterative)", plan.label),
    }
}

/// A share that was kept; far more than all is told by its power of ten.
pub(super) fn kept(share: f64) -> String {
    match share {
        share if (0.001..1000.0).contains(&share) => format!("{share:.3}"),
        share => significant(Some(share)),
    }
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
