//! What became of models without some layers: the spread of random removal, the Pareto line, and the work it took.

use layerlab_score::Plan;

use super::words::{file_name, kept, layer_list, plan_label};
use crate::report::{
    Outcome, PruningReport, Report,
    number::significant,
    section::{Chart, Line, Record, Section, Table},
};

impl PruningReport {
    pub(super) fn sections(&self, report: &Report) -> Vec<Section> {
        let spread = self.random_spread(report);
        let spread = spread.map(|lines| Section::of_sentences("random", "Random removal", lines));
        let healed = self.healing.iter();
        let healed = healed.flat_map(|healing| healing.sections(report, self));
        let mut sections: Vec<Section> = healed.chain(spread).collect();
        sections.push(self.frontier_section(report.whole_perplexity()));
        if !self.block_passes.is_empty() {
            let lines = self.block_passes.iter().map(|passes| {
                format!(
                    "{}: {} passes of a sequence through a block, {:.2} of the {} without shared prefixes",
                    passes.purpose,
                    passes.counted,
                    passes.counted as f64 / passes.plain as f64,
                    passes.plain
                )
            });
            sections.push(Section::of_sentences("work", "Work", lines.collect()));
        }
        sections
    }

    /// Mean and range over the seeds of random removal, in words.
    fn random_spread(&self, report: &Report) -> Option<Vec<String>> {
        let plans: Vec<&Plan> = self.random().collect();
        if plans.len() < 2 {
            return None;
        }
        let lines = report.metrics().into_iter().filter_map(|(task, metric)| {
            let values = plans.iter().filter_map(|plan| {
                let outcome = self.outcome(plan, plan.removed.len())?;
                let mut tasks = outcome.tasks.iter();
                let task = tasks.find(|other| other.dataset == task.dataset)?;
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
        Some(lines.collect())
    }

    fn frontier_section(&self, whole: Option<f64>) -> Section {
        let title = "Pareto line: the lowest perplexity for each number of layers removed";
        let mut rows = vec![vec![
            "0".into(),
            String::new().into(),
            significant(whole).into(),
            "1".into(),
            "whole model".into(),
        ]];
        let frontier = self.frontier();
        let mut records = Vec::new();
        for point in &frontier {
            let plans: Vec<String> = point.plans.iter().map(|plan| plan_label(plan)).collect();
            let outcome = self.outcomes.iter();
            let retained = outcome
                .clone()
                .find(|one| one.removed == *point.removed)
                .and_then(Outcome::retained);
            rows.push(vec![
                point.removed.len().to_string().into(),
                layer_list(point.removed).into(),
                significant(Some(point.perplexity)).into(),
                retained.map_or("–".into(), kept).into(),
                plans.join("; ").into(),
            ]);
            records.push(Record {
                method: plans.join("; "),
                layers: layer_list(point.removed),
                metric: "perplexity".into(),
                value: Some(point.perplexity),
                retained,
                ..Record::default()
            });
        }
        let header = ["removed", "layers", "perplexity", "kept", "by"];
        let best = frontier.iter();
        let best = best.map(|point| (point.removed.len(), point.perplexity));
        Section {
            id: "frontier",
            title: title.into(),
            table: Some(Table {
                header: header.map(Into::into).to_vec(),
                keys: 1,
                brief: header.len(),
                rows,
            }),
            charts: whole
                .map(|whole| Chart::Lines {
                    title: "Perplexity (logarithmic) for each number of layers removed; the Pareto line is heavy."
                        .into(),
                    lines: self.plans.iter().map(|plan| self.line(plan, whole)).collect(),
                    best: [(0, whole)].into_iter().chain(best).collect(),
                })
                .into_iter()
                .collect(),
            records,
            ..Section::default()
        }
    }

    /// Perplexity after each removal of a plan.
    fn line(&self, plan: &Plan, whole: f64) -> Line {
        let removed = (1..=plan.removed.len()).filter_map(|count| {
            let perplexity = self.outcome(plan, count)?.perplexity()?;
            Some((count, perplexity))
        });
        Line {
            label: plan_label(plan),
            points: [(0, whole)].into_iter().chain(removed).collect(),
        }
    }
}
