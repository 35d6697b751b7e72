//! Pruning in parts: plans. Every shard scores all layers, unless it finds the scores among finished stages.

use std::collections::{BTreeMap, BTreeSet};

use layerlab_eval::{Dataset, EvalOptions, TaskResult};
use layerlab_model::ModelFiles;
use layerlab_score::Plan;

use super::{Inputs, NamedShard, ShardDocument, ShardError, ShardTask, document::Found};
use crate::{
    BlockPasses, ExperimentRequest, LabError, OpenModel, Report, Run, Stages, Text,
    evaluate::{comparisons, corrected},
    experiment::{Subjects, corrected_outcomes, prune_some, removals},
    report::{DataReport, Experiment, HealingReport, Outcome, PruningReport},
};

/// What a pruning is about, and which part of it is done.
pub struct PruneShard<'a> {
    /// The text that layers are scored on.
    pub text: &'a Text,
    /// What whole and pruned models are asked.
    pub datasets: &'a [Dataset],
    /// How.
    pub request: &'a ExperimentRequest,
    /// Which part.
    pub task: ShardTask<'a>,
}

/// Scores the model, and prunes and judges it by a part of the plans. None where the shard is there already.
///
/// # Errors
/// As [`prune_and_judge`](crate::prune_and_judge), and when there are fewer plans than shards, or what is there is something else.
pub async fn prune_shard<F: ModelFiles>(
    model: &OpenModel<F>,
    PruneShard {
        text,
        datasets,
        request,
        task,
    }: PruneShard<'_>,
    stages: &mut dyn Stages,
    run: &mut Run<'_>,
) -> Result<Option<ShardDocument>, LabError> {
    let data = (DataReport::of(text), &text.sequences, datasets);
    let inputs = Inputs::of(model, Experiment::Run, &data, request).await?;
    if task.is_done(&inputs)? {
        return Ok(None);
    }
    let shard = task.shard;
    let subjects = Subjects {
        text,
        datasets,
        request,
    };
    let pruned = prune_some(model, subjects, shard, task.created, stages, run).await?;
    let plans = pruned.plans;
    let found = Found::Run { plans };
    Ok(Some(ShardDocument::new(
        shard,
        inputs,
        pruned.report,
        found,
    )))
}

pub(super) fn joined(shards: &[NamedShard], mut report: Report) -> Result<Report, LabError> {
    let mut all: Option<(&str, &Vec<Plan>, PruningReport)> = None;
    for NamedShard { name, document } in shards {
        let shard = document.shard;
        let (Found::Run { plans }, Some(pruning)) = (&document.found, &document.report.pruning)
        else {
            return Err(ShardError::Garbled { shard }.into());
        };
        match &mut all {
            None => all = Some((name, plans, pruning.clone())),
            Some((first, known, _)) if *known != plans => {
                return Err(ShardError::OtherPlans {
                    first: (*first).to_owned(),
                    name: name.clone(),
                }
                .into());
            }
            Some((_, _, all)) => append(all, pruning),
        }
    }
    let (_, plans, mut pruning) = all.ok_or(ShardError::Nothing)?;
    pruning.options.confidence.validate()?;
    pruning.plans.clone_from(plans);
    let whole = &report.evaluation;
    pruning.outcomes = in_order(pruning.outcomes, plans);
    compared(pruning.outcomes.iter_mut(), whole, &pruning.options);
    corrected_outcomes(plans, &mut pruning.outcomes);
    if let Some(healing) = &mut pruning.healing {
        sorted(healing, plans);
        let outcomes = healing.outcomes.iter_mut();
        let outcomes = outcomes.map(|healed| &mut healed.outcome);
        compared(outcomes, whole, &pruning.options);
        let outcomes = healing.outcomes.iter_mut();
        corrected(outcomes.flat_map(|healed| &mut healed.outcome.compared));
    }
    report.pruning = Some(pruning);
    Ok(report)
}

/// Appends what another shard found.
fn append(all: &mut PruningReport, more: &PruningReport) {
    all.outcomes.extend(more.outcomes.iter().cloned());
    // What scores and plans took is the same of all shards; each judges models of its own.
    for passes in &more.block_passes {
        let mut known = all.block_passes.iter_mut();
        match known.find(|known| known.purpose == passes.purpose) {
            None => all.block_passes.push(passes.clone()),
            Some(known) if known.purpose == BlockPasses::JUDGING => known.append(passes),
            Some(_) => {}
        }
    }
    if let (Some(all), Some(more)) = (&mut all.healing, &more.healing) {
        all.outcomes.extend(more.outcomes.iter().cloned());
        all.cuts.extend(more.cuts.iter().cloned());
        all.refused.extend(more.refused.iter().cloned());
    }
}

/// Each pruned model once, in the order of a run on one machine: as the shard has it that asked it most.
fn in_order(outcomes: Vec<Outcome>, plans: &[Plan]) -> Vec<Outcome> {
    let mut known: BTreeMap<BTreeSet<usize>, Outcome> = BTreeMap::new();
    for outcome in outcomes {
        let asked = |outcome: &Outcome| (outcome.tasks.len(), outcome.agreement.is_some());
        let more = known
            .get(&outcome.removed)
            .is_none_or(|known| asked(known) < asked(&outcome));
        if more {
            known.insert(outcome.removed.clone(), outcome);
        }
    }
    let order = removals(plans).into_iter();
    order
        .filter_map(|(removed, _)| known.remove(&removed))
        .collect()
}

/// Holds pruned models against the whole one; shards corrected their comparisons for too few.
fn compared<'a>(
    outcomes: impl Iterator<Item = &'a mut Outcome>,
    whole: &[TaskResult],
    options: &EvalOptions,
) {
    for outcome in outcomes {
        outcome.compared = comparisons(whole, &outcome.tasks, options);
    }
}

/// What was healed, each model once, in the order of a run on one machine.
fn sorted(healing: &mut HealingReport, plans: &[Plan]) {
    let outcomes = &mut healing.outcomes;
    outcomes.sort_by(|a, b| {
        let key = |way, removed: &BTreeSet<usize>| (way, removed.clone());
        key(a.record.way, &a.outcome.removed).cmp(&key(b.record.way, &b.outcome.removed))
    });
    outcomes
        .dedup_by(|a, b| (a.record.way, &a.outcome.removed) == (b.record.way, &b.outcome.removed));
    let refused = &mut healing.refused;
    refused.sort_by(|a, b| (a.way, &a.removed).cmp(&(b.way, &b.removed)));
    refused.dedup_by(|a, b| (a.way, &a.removed) == (b.way, &b.removed));
    let place = |method, schedule| {
        let mut plans = plans.iter();
        plans.position(|plan| (plan.method, plan.schedule) == (method, schedule))
    };
    healing
        .cuts
        .sort_by_key(|cut| place(cut.method, cut.schedule));
}
