//! Where hallucinations show, and what repairs are worth, as tables and in words.

use layerlab_eval::{Comparison, Metric};
use layerlab_score::Estimate;

use super::{
    Report,
    number::{interval, percent, significant},
    table::Style,
    task_table::{file_name, kept, p_note, p_value},
};
use crate::{Ending, HallucinationReport, LocatedDataset, LocatedTap, RepairReport, RepairRun};

impl HallucinationReport {
    pub(super) fn sections(&self, style: Style, heading: &dyn Fn(&str) -> String) -> Vec<String> {
        let mut sections = vec![self.definitions.clone()];
        for dataset in &self.datasets {
            for tap in &dataset.taps {
                let title = format!(
                    "{}, at the {} of blocks",
                    file_name(&dataset.dataset),
                    tap.tap
                );
                sections.push(format!(
                    "{}\n{}\n{}",
                    heading(&title),
                    tap.table(style),
                    dataset.notes(tap).join("\n")
                ));
            }
        }
        sections
    }
}

impl LocatedDataset {
    /// What was paired, and what the controls say, in words.
    pub(super) fn notes(&self, tap: &LocatedTap) -> Vec<String> {
        let [factual, hallucinated] = self.answer_tokens;
        let of = match self.of > self.items {
            true => format!(" from {} of {} items", self.items, self.of),
            false => String::new(),
        };
        let mut notes = vec![format!(
            "{} pairs{of}; a factual answer has {factual:.2} tokens in the mean, a hallucinated one {hallucinated:.2}.",
            self.pairs
        )];
        if let Some(mapping) = &self.mapping {
            notes.push(format!("Read as {mapping}."));
        }
        match self.truncated {
            0 => {}
            1 => notes.push("1 prompt lost its beginning to fit the context.".into()),
            count => notes.push(format!(
                "{count} prompts lost their beginning to fit the context."
            )),
        }
        if self.skipped > 0 {
            notes.push(format!("{} records passed over.", self.skipped));
        }
        if let Some(mined) = &self.mined {
            notes.push(format!(
                "Mined: of {} questions the model answered {} right and {} wrong, {} of these confidently.",
                mined.questions, mined.right, mined.wrong, mined.confident
            ));
        }
        let apart: Vec<String> = tap
            .layers
            .iter()
            .filter(|layer| layer.distinguishable == Some(true))
            .map(|layer| layer.layer.to_string())
            .collect();
        notes.push(match apart.as_slice() {
            [] => "No layer can be told from indifference.".to_owned(),
            some => format!(
                "Layers that can be told from indifference: {}.",
                some.join(", ")
            ),
        });
        match &tap.matched_length {
            None => {
                notes.push("Too few pairs have answers of one length to look at them alone.".into())
            }
            Some(matched) => {
                let apart = matched
                    .layers
                    .iter()
                    .filter(|layer| layer.distinguishable == Some(true));
                notes.push(format!(
                    "Over the {} pairs whose answers have as many tokens, {} layers can be told from indifference.",
                    matched.pairs,
                    apart.count()
                ));
            }
        }
        if let Some(shuffled) = &tap.shuffled {
            notes.push(format!(
                "With labels drawn by coins ({} times): mean |ln EAVSS| {}, {} of layers told apart, AUROC {}.",
                shuffled.shuffles,
                significant(shuffled.propensity),
                percent(shuffled.distinguishable),
                significant(shuffled.auroc)
            ));
        }
        notes
    }
}

impl LocatedTap {
    fn table(&self, style: Style) -> String {
        let matched = self.matched_length.as_ref();
        let header = [
            "layer",
            "HSAV",
            "HSS",
            "ln EAVSS",
            "rank",
            "told apart",
            "probe AUROC",
            "ln EAVSS, same length",
            "AUROC, same length",
        ];
        let rows = self.layers.iter().map(|layer| {
            let same = matched.and_then(|matched| matched.layers.get(layer.layer));
            vec![
                layer.layer.to_string(),
                estimate(&layer.hsav),
                estimate(&layer.hss),
                estimate(&layer.ln_eavss),
                layer.rank.map_or("–".into(), |rank| rank.to_string()),
                match layer.distinguishable {
                    Some(true) => "yes".into(),
                    Some(false) => "not distinguishable".into(),
                    None => "–".into(),
                },
                estimate(&layer.auroc),
                same.map_or("–".into(), |layer| estimate(&layer.ln_eavss)),
                same.map_or("–".into(), |layer| estimate(&layer.auroc)),
            ]
        });
        style.draw(header.map(Into::into).to_vec(), rows.collect())
    }
}

fn estimate(estimate: &Estimate) -> String {
    let value = significant(estimate.value);
    match estimate.low.zip(estimate.high) {
        Some((low, high)) => {
            format!(
                "{value} [{}, {}]",
                significant(Some(low)),
                significant(Some(high))
            )
        }
        None => value,
    }
}

impl RepairRun {
    /// How layers were chosen, and by what objective they were trained.
    pub fn label(&self) -> String {
        format!("{}, {}", self.choice, self.objective.label())
    }

    pub(super) fn layer_list(&self) -> String {
        let layers: Vec<String> = self.layers.iter().map(ToString::to_string).collect();
        layers.join(" ")
    }

    /// How it ended, and which step was kept.
    pub(super) fn ended(&self) -> String {
        let training = &self.training;
        let kept = training
            .checks
            .get(training.best)
            .map_or(0, |check| check.step);
        let why = match training.ending {
            Some(Ending::Finished) | None => "all steps",
            Some(Ending::NoBetter) => "no better",
            Some(Ending::Guard) => "perplexity guard",
            Some(Ending::Diverged) => "diverged",
            Some(Ending::Stopped) => "stopped by the user",
        };
        format!("step {kept} of {} ({why})", training.steps.len())
    }

    fn pooled(&self, metric: Metric) -> Option<&Comparison> {
        self.pooled
            .iter()
            .find(|compared| compared.metric == metric)
    }
}

impl RepairReport {
    pub(super) fn sections(
        &self,
        report: &Report,
        style: Style,
        heading: &dyn Fn(&str) -> String,
    ) -> Vec<String> {
        let split = &self.split;
        let mut sections = vec![format!(
            "{}\n{} pairs were trained on, {} chose the best step; all figures are of the {} held-out questions. Neutral text: \
             {} tokens trained on, {} watched.{}",
            self.definitions,
            split.train,
            split.validation,
            split.test,
            split.neutral_train,
            split.neutral_validation,
            split.left_out()
        )];
        sections.push(format!(
            "{}\n{}\n{}",
            heading("Repairs beside each other, all held-out questions together"),
            self.summary(report, style),
            self.note()
        ));
        let by_dataset = self.runs.iter().flat_map(|run| &run.compared);
        let by_dataset = by_dataset.map(|task| &task.comparison);
        sections.push(format!(
            "{}\n{}\n{}",
            heading("By dataset"),
            self.details(report, style),
            p_note(by_dataset).unwrap_or_default()
        ));
        sections.push(format!(
            "{}\n{}",
            heading("What to conclude"),
            self.conclusions().join("\n")
        ));
        sections
    }

    /// How to read the figures.
    fn note(&self) -> String {
        let compared = self.runs.iter().flat_map(|run| &run.pooled);
        let tests = p_note(compared).unwrap_or_default();
        format!("The change on the model as it was, with its interval. {tests}")
    }

    fn summary(&self, report: &Report, style: Style) -> String {
        let mut metrics: Vec<Metric> = Vec::new();
        for (_, metric) in report.metrics() {
            if !metrics.contains(&metric) {
                metrics.push(metric);
            }
        }
        let mut header: Vec<String> = ["layers chosen by", "layers", "weights", "kept"]
            .map(Into::into)
            .to_vec();
        header.extend(
            metrics
                .iter()
                .map(|metric| match metric.higher_is_better() {
                    true => metric.label().to_owned(),
                    false => format!("{} ↓", metric.label()),
                }),
        );
        let rows = self.runs.iter().map(|run| {
            let cells = metrics
                .iter()
                .map(|metric| run.pooled(*metric).map_or("–".into(), change));
            let first = [
                run.label(),
                run.layer_list(),
                run.parameters.to_string(),
                run.ended(),
            ];
            first.into_iter().chain(cells).collect()
        });
        style.draw(header, rows.collect())
    }

    fn details(&self, report: &Report, style: Style) -> String {
        let mut header: Vec<String> = ["dataset", "metric", "as it was"].map(Into::into).to_vec();
        header.extend(self.runs.iter().map(RepairRun::label));
        let rows = report.metrics().into_iter().map(|(task, metric)| {
            let before = task.metric(metric).and_then(|result| result.value);
            let cells = self.runs.iter().map(|run| {
                let same = |compared: &&crate::TaskComparison| {
                    compared.dataset == task.dataset && compared.comparison.metric == metric
                };
                let compared = run.compared.iter().find(same);
                compared.map_or("–".into(), |compared| {
                    let after = before
                        .zip(compared.comparison.difference)
                        .map(|(a, b)| a + b);
                    let star = if compared.comparison.is_significant() {
                        "*"
                    } else {
                        ""
                    };
                    format!("{}{star}", significant(after))
                })
            });
            let first = [
                file_name(&task.dataset).to_owned(),
                metric.label().to_owned(),
                significant(before),
            ];
            first.into_iter().chain(cells).collect()
        });
        style.draw(header, rows.collect())
    }

    /// What the figures say, in words.
    pub fn conclusions(&self) -> Vec<String> {
        let accuracy = [Metric::Mc1, Metric::Accuracy, Metric::ExactMatch];
        let found = accuracy.into_iter().find_map(|metric| {
            let runs = self.runs.iter();
            let compared = runs.map(|run| Some((run, run.pooled(metric)?)));
            Some((metric, compared.collect::<Option<Vec<_>>>()?))
        });
        let Some((metric, runs)) = found.filter(|(_, runs)| !runs.is_empty()) else {
            return vec!["There are no questions to judge repairs by.".into()];
        };
        let perplexity = |run: &RepairRun| {
            run.pooled(Metric::Perplexity)
                .and_then(|found| Some(1.0 / found.retained?))
        };
        let mut lines: Vec<String> = runs
            .iter()
            .map(|(run, compared)| {
                let relative = compared.retained.map_or("–".into(), |kept| {
                    format!("{:+.1} %", 100.0 * (kept - 1.0))
                });
                let neutral = perplexity(run).map_or("–".into(), |times| {
                    format!("{:+.1} %", 100.0 * (times - 1.0))
                });
                format!(
                    "{}: {} {relative}, neutral perplexity {neutral}.",
                    run.label(),
                    metric.label()
                )
            })
            .collect();
        let of_kind = |wanted: &dyn Fn(&str) -> bool| -> Vec<f64> {
            let runs = runs
                .iter()
                .filter(|(run, _)| wanted(&run.choice.to_string()));
            runs.filter_map(|(_, compared)| compared.difference)
                .collect()
        };
        let (eavss, random) = (
            of_kind(&|choice| choice == "eavss"),
            of_kind(&|choice| choice.starts_with("random")),
        );
        let best = eavss.iter().copied().reduce(f64::max);
        let (low, high) = (
            random.iter().copied().reduce(f64::min),
            random.iter().copied().reduce(f64::max),
        );
        if let (Some(best), Some((low, high))) = (best, low.zip(high)) {
            let points = |value: f64| format!("{:+.1}", 100.0 * value);
            lines.push(match best > high {
                true => format!(
                    "The layers that EAVSS chooses gain {} points of {}, more than every random choice ({} to {}).",
                    points(best),
                    metric.label(),
                    points(low),
                    points(high)
                ),
                false => format!(
                    "The layers that EAVSS chooses gain {} points of {}: no better than random layers ({} to {}).",
                    points(best),
                    metric.label(),
                    points(low),
                    points(high)
                ),
            });
        }
        lines
    }
}

fn change(compared: &Comparison) -> String {
    let mut cell = match (compared.metric, compared.retained) {
        // A perplexity is told by its ratio.
        (Metric::Perplexity, Some(retained)) => format!("kept {}", kept(retained)),
        _ => signed(compared.difference),
    };
    let ends = match compared.metric {
        Metric::Perplexity => compared.retained_low.zip(compared.retained_high),
        _ => compared.difference_low.zip(compared.difference_high),
    };
    if let Some((low, high)) = ends {
        let number = |value| match compared.metric {
            Metric::Perplexity => kept(value),
            _ => signed(Some(value)),
        };
        let ends = [low, high].map(number);
        cell.push_str(&format!(" {}", interval(ends, compared.rough)));
    }
    if let Some(p) = p_value(compared) {
        cell.push_str(&format!(" {p}"));
    }
    cell
}

fn signed(value: Option<f64>) -> String {
    value.map_or("–".into(), |value| format!("{value:+.3}"))
}
