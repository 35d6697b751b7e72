//! The models of a report beside each other: the whole one, those that plans leave, or another.

use layerlab_eval::{Comparison, Metric, MetricResult, TaskResult};
use layerlab_score::Plan;

use super::words::{file_name, layer_list, plan_label};
use crate::{
    TaskComparison,
    report::{Outcome, Report},
};

/// A model in a table.
pub(super) struct ModelRow<'a> {
    /// What it is called.
    pub label: String,
    /// The plan that it comes of.
    pub plan: Option<&'a Plan>,
    /// What it made of each dataset.
    pub tasks: &'a [TaskResult],
    /// The same beside the first model.
    pub compared: &'a [TaskComparison],
}

impl ModelRow<'_> {
    /// The layers removed, in their order of removal.
    pub fn removed(&self) -> String {
        match self.plan {
            Some(plan) if plan.removed.is_empty() => "none".to_owned(),
            Some(plan) => layer_list(&plan.removed),
            None => String::new(),
        }
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

    /// Bits per byte beside a perplexity.
    pub fn bits(&self, dataset: &str, metric: Metric) -> Option<f64> {
        let of_text = (metric == Metric::Perplexity).then_some(Metric::BitsPerByte)?;
        self.result(dataset, of_text)?.value
    }
}

impl Report {
    /// The model itself first, then those of the plans, the ones that keep most of it first, or the other model.
    pub(super) fn model_rows(&self) -> Vec<ModelRow<'_>> {
        let mut rows = vec![ModelRow {
            label: match self.pruning {
                Some(_) => "whole model".into(),
                None => file_name(&self.model.name).to_owned(),
            },
            plan: None,
            tasks: &self.evaluation,
            compared: &[],
        }];
        if let Some(pruning) = &self.pruning {
            let mut plans: Vec<(&Plan, _)> = pruning
                .plans
                .iter()
                .map(|plan| (plan, pruning.outcome(plan, plan.removed.len())))
                .collect();
            let kept = |(_, outcome): &(_, Option<&Outcome>)| {
                outcome.and_then(Outcome::retained).unwrap_or(0.0)
            };
            plans.sort_by(|a, b| kept(b).total_cmp(&kept(a)));
            rows.extend(plans.into_iter().map(|(plan, outcome)| ModelRow {
                label: plan_label(plan),
                plan: Some(plan),
                tasks: outcome.map_or(&[], |outcome| &outcome.tasks),
                compared: outcome.map_or(&[], |outcome| &outcome.compared),
            }));
        }
        rows.extend(self.comparison.iter().map(|comparison| ModelRow {
            label: file_name(&comparison.model.name).to_owned(),
            plan: None,
            tasks: &comparison.evaluation,
            compared: &comparison.compared,
        }));
        rows
    }

    /// Datasets with their metrics, in the order of the first model's results; bits per byte apart, which are shown
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

    /// Perplexity of the model as it is, on the first text.
    pub(super) fn whole_perplexity(&self) -> Option<f64> {
        crate::evaluate::perplexity(&self.evaluation)
    }
}
