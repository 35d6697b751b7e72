//! What a report holds of models without some layers.

use std::collections::BTreeSet;

use layerlab_eval::{EvalOptions, Metric, TaskResult};
use layerlab_score::Plan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::HealingReport;
use crate::{Agreement, BlockPasses, Healing, PlanRequest, TaskComparison, evaluate::perplexity};

/// Plans, and what came of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PruningReport {
    /// What was asked for.
    pub request: PlanRequest,
    /// Layers that the budget stands for; the most of them under a tolerance.
    pub count: usize,
    /// One for each method and schedule.
    pub plans: Vec<Plan>,
    /// Each distinct pruned model, fewest layers removed first: those at the end of a plan with all tasks,
    /// those on the way with perplexity alone.
    pub outcomes: Vec<Outcome>,
    /// What it took to find out what layers are worth.
    pub block_passes: Vec<BlockPasses>,
    /// How models were asked.
    pub options: EvalOptions,
    /// The same models healed; none of reports from before that was done.
    #[serde(default)]
    pub healing: Option<HealingReport>,
}

/// A model without some layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The layers removed, as the whole model numbers them.
    pub removed: BTreeSet<usize>,
    /// Weights left; shared ones count once.
    pub parameters: usize,
    /// What it made of each dataset.
    pub tasks: Vec<TaskResult>,
    /// The same beside the whole model.
    pub compared: Vec<TaskComparison>,
    /// How far it writes what the whole model writes, where that was looked at: at the end of plans, where a text is among the datasets.
    #[serde(default)]
    pub agreement: Option<Agreement>,
}

/// A model that no other with as few layers, or fewer, beats.
#[derive(Debug, Clone, PartialEq)]
pub struct FrontierPoint<'a> {
    /// Layers removed.
    pub removed: &'a BTreeSet<usize>,
    /// Perplexity.
    pub perplexity: f64,
    /// The plans that come by it.
    pub plans: Vec<&'a Plan>,
}

impl Outcome {
    /// Its comparison on a dataset by a metric.
    pub fn comparison(&self, dataset: &str, metric: Metric) -> Option<&TaskComparison> {
        self.compared
            .iter()
            .find(|task| task.dataset == dataset && task.comparison.metric == metric)
    }

    /// Its perplexity on the first text.
    pub fn perplexity(&self) -> Option<f64> {
        perplexity(&self.tasks)
    }

    /// What is retained of the whole model's.
    pub fn retained(&self) -> Option<f64> {
        let mut compared = self.compared.iter().map(|task| &task.comparison);
        compared
            .find(|one| one.metric == Metric::Perplexity)?
            .retained
    }
}

impl PruningReport {
    /// The model that a plan's first `count` removals leave.
    pub fn outcome(&self, plan: &Plan, count: usize) -> Option<&Outcome> {
        let removed: BTreeSet<usize> = plan.removed.iter().take(count).copied().collect();
        self.outcomes
            .iter()
            .find(|outcome| outcome.removed == removed)
    }

    /// The best model at each number of layers removed, where more removed is never better.
    pub fn frontier(&self) -> Vec<FrontierPoint<'_>> {
        let most = self.plans.iter().map(|plan| plan.removed.len()).max();
        let best = (1..=most.unwrap_or(0)).filter_map(|count| {
            let of_count = self
                .outcomes
                .iter()
                .filter(|outcome| outcome.removed.len() == count);
            of_count
                .filter_map(|outcome| Some((outcome, outcome.perplexity()?)))
                .min_by(|a, b| a.1.total_cmp(&b.1))
        });
        let best: Vec<(&Outcome, f64)> = best.collect();
        let is_beaten = |index: usize| {
            let later = &best[index + 1..];
            later.iter().any(|(_, other)| *other <= best[index].1)
        };
        let points = best.iter().enumerate();
        points
            .filter(|(index, _)| !is_beaten(*index))
            .map(|(_, (outcome, perplexity))| FrontierPoint {
                removed: &outcome.removed,
                perplexity: *perplexity,
                plans: self.through(&outcome.removed),
            })
            .collect()
    }

    /// The plan that keeps the lowest perplexity among those that remove the most layers.
    pub fn best(&self) -> Option<&Plan> {
        let most = self.plans.iter().map(|plan| plan.removed.len()).max()?;
        let perplexity = |plan: &Plan| self.outcome(plan, most)?.perplexity();
        let longest = self.plans.iter().filter(|plan| plan.removed.len() == most);
        let judged = longest.filter_map(|plan| Some((plan, perplexity(plan)?)));
        let best = judged.min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(best.0)
    }

    /// The plan and the way of healing that keep the lowest perplexity among plans that remove the most layers; of equals the one that
    /// needs the least healing.
    pub fn best_healed(&self) -> Option<(&Plan, Healing)> {
        let most = self.plans.iter().map(|plan| plan.removed.len()).max()?;
        let longest = self.plans.iter().filter(|plan| plan.removed.len() == most);
        let mut ways = vec![Healing::None];
        ways.extend(
            self.healing
                .iter()
                .flat_map(|healing| healing.request.healing()),
        );
        let all = longest.flat_map(|plan| ways.iter().map(move |way| (plan, *way)));
        let all = all.filter_map(|(plan, way)| {
            let outcome = match way {
                Healing::None => self.outcome(plan, most)?,
                _ => &self.healing.as_ref()?.outcome(way, &plan.set())?.outcome,
            };
            Some((plan, way, outcome.perplexity()?))
        });
        let best = all.min_by(|a, b| a.2.total_cmp(&b.2).then(a.1.cmp(&b.1)))?;
        Some((best.0, best.1))
    }

    /// The plans that chance made.
    pub fn random(&self) -> impl Iterator<Item = &Plan> {
        let plans = self.plans.iter();
        plans.filter(|plan| plan.method.is_random())
    }

    /// The plans that come by a model.
    pub fn through(&self, removed: &BTreeSet<usize>) -> Vec<&Plan> {
        let comes_by = |plan: &&Plan| {
            let first = plan.removed.iter().take(removed.len());
            plan.removed.len() >= removed.len()
                && first.copied().collect::<BTreeSet<_>>() == *removed
        };
        self.plans.iter().filter(comes_by).collect()
    }
}
