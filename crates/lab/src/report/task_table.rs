//! The tables of tasks: the whole model, and what each plan kept.

use layerlab_eval::{Comparison, Metric, MetricResult, TaskResult};
use layerlab_score::{Plan, Role};

use super::{PruningReport, Report, number::significant, table::Style};
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

    /// Datasets with their metrics, in the order of the whole model's results.
    pub(super) fn metrics(&self) -> Vec<(&TaskResult, Metric)> {
        let tasks = self.evaluation.iter();
        tasks
            .flat_map(|task| task.metrics.iter().map(move |result| (task, result.metric)))
            .collect()
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

    fn task_table(&self, style: Style) -> String {
        let metrics = self.metrics();
        let several = self.evaluation.len() > 1;
        let separator = match style {
            Style::Terminal => "\n",
            Style::Markdown => " ",
        };
        let mut header = vec!["model".to_owned()];
        header.extend(self.pruning.is_some().then(|| "removed".to_owned()));
        header.extend(metrics.iter().map(|(task, metric)| {
            let arrow = if metric.higher_is_better() {
                ""
            } else {
                " ↓"
            };
            match several {
                true => format!(
                    "{}{arrow}{separator}{}",
                    metric.label(),
                    file_name(&task.dataset)
                ),
                false => format!("{}{arrow}", metric.label()),
            }
        }));
        let rows = self.rows().into_iter().map(|row| {
            let mut cells = vec![row.label.clone()];
            cells.extend(self.pruning.is_some().then(|| match row.plan {
                Some(plan) if plan.removed.is_empty() => "none".to_owned(),
                _ => row.removed(),
            }));
            cells.extend(metrics.iter().map(|(task, metric)| {
                let Some(result) = row.result(&task.dataset, *metric) else {
                    return "–".to_owned();
                };
                let mut cell = significant(result.value);
                if let (Some(low), Some(high)) = (result.low, result.high) {
                    let (low, high) = (significant(Some(low)), significant(Some(high)));
                    cell.push_str(&format!("{separator}[{low}, {high}]"));
                }
                if let Some(compared) = row.comparison(&task.dataset, *metric)
                    && let Some(retained) = compared.retained
                {
                    cell.push_str(&format!("{separator}kept {}", kept(retained)));
                    let ends = compared.retained_low.zip(compared.retained_high);
                    if let Some((low, high)) = ends {
                        cell.push_str(&format!(" [{}, {}]", kept(low), kept(high)));
                    }
                    if compared.is_significant() {
                        cell.push('*');
                    }
                }
                cell
            }));
            cells
        });
        style.draw(header, rows.collect())
    }

    /// How each task was run, and how to read the table.
    fn task_notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.evaluation.iter().map(describe).collect();
        let percent = |level: f64| format!("{} %", 100.0 * level);
        if let Some(pruning) = &self.pruning {
            let level = percent(pruning.options.confidence.level);
            notes.push(format!(
                "In brackets: {level} intervals (Wilson for shares of items, else bootstrap). Kept: over the whole model's \
                 value, or under it where ↓; * where the paired difference's interval leaves out 0."
            ));
        } else if let Some(comparison) = &self.comparison {
            notes.push(
                "Kept: over the first model's value, or under it where ↓; * where the paired difference's interval leaves \
                 out 0."
                    .into(),
            );
            for task in &comparison.compared {
                if let Some(p) = task.comparison.mcnemar {
                    let metric = task.comparison.metric.label();
                    let dataset = file_name(&task.dataset);
                    notes.push(format!(
                        "{metric} on {dataset}: p = {} that both are right equally often (McNemar's exact test)",
                        significant(Some(p))
                    ));
                }
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
            let retained = whole.map(|whole| whole / point.perplexity);
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

/// A task in one line.
fn describe(result: &TaskResult) -> String {
    use layerlab_eval::Task;
    let with_bos = |bos: &bool| if *bos { "with BOS" } else { "without BOS" };
    let name = file_name(&result.dataset);
    let cut = |truncated: &usize| match truncated {
        0 => String::new(),
        count => format!("; {count} prompts lost their beginning to fit the context"),
    };
    let mut line = match &result.task {
        Task::Perplexity {
            window,
            stride,
            bos,
            tokens,
        } => format!(
            "{name}: perplexity of {tokens} tokens in {} windows of {window} every {stride}, the text {}",
            result.items,
            with_bos(bos)
        ),
        Task::MultipleChoice {
            template,
            bos,
            truncated,
        } => format!(
            "{name}: {} questions as {template:?} {}{}",
            result.items,
            with_bos(bos),
            cut(truncated)
        ),
        Task::ExactMatch {
            template,
            bos,
            truncated,
            max_new_tokens,
        } => format!(
            "{name}: {} questions as {template:?} {}, greedy answers of at most {max_new_tokens} tokens{}",
            result.items,
            with_bos(bos),
            cut(truncated)
        ),
        Task::Classification {
            template,
            bos,
            truncated,
            classes,
        } => format!(
            "{name}: {} texts of {} classes as {template:?} {}{}",
            result.items,
            classes.len(),
            with_bos(bos),
            cut(truncated)
        ),
    };
    if let Some(chance) = result.metrics.iter().find_map(|metric| metric.chance) {
        line.push_str(&format!("; chance {chance:.3}"));
    }
    if length_decides(result) {
        line.push_str(
            "; accuracy is above chance and acc_norm below it, or the other way round: the length of \
             choices decides more than their content",
        );
    }
    if result.skipped > 0 {
        line.push_str(&format!("; {} bad records passed over", result.skipped));
    }
    line
}

/// Whether accuracy and its form per character lie on two sides of chance, both for sure.
fn length_decides(result: &TaskResult) -> bool {
    let side = |metric| {
        let found = result.metric(metric)?;
        let (low, high, chance) = (found.low?, found.high?, found.chance?);
        match (low > chance, high < chance) {
            (false, false) => None,
            (above, _) => Some(above),
        }
    };
    let sides = side(Metric::Accuracy).zip(side(Metric::AccuracyNorm));
    sides.is_some_and(|(plain, norm)| plain != norm)
}
