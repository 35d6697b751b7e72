//! Every plan's model, healed in every way that was asked for, and judged like the others.

use std::collections::{BTreeMap, BTreeSet};

use layerlab_eval::{Dataset, EvalOptions, TaskResult, metric::Confidence};
use layerlab_heal::HealText;
use layerlab_model::ModelFiles;
use layerlab_score::Plan;
use serde::{Deserialize, Serialize};

use super::{
    Agreement, HealRecord, HealRequest, Healing, LargestCut, Speakers,
    healer::{HealTurn, Healer},
    largest_cut::{Bisection, retained},
};
use crate::{
    LabError, OpenModel, Run, Text,
    evaluate::{Exam, ModelTurn, comparisons, corrected},
    report::{DataReport, HealedOutcome, HealingReport, Outcome, Refused},
    stage_cache::StageCache,
};

/// Plans, and what their models are judged by.
pub(crate) struct HealingTask<'a, F> {
    pub model: &'a OpenModel<F>,
    /// The text that is learned from.
    pub text: &'a Text,
    pub request: &'a HealRequest,
    pub eval: &'a EvalOptions,
    /// Everything that models at the end of plans are asked.
    pub datasets: &'a [Dataset],
    /// What models on the way are asked: what the largest cut is judged by.
    pub judges: &'a [Dataset],
    /// What the whole model made of the datasets.
    pub whole: &'a [TaskResult],
    pub speakers: Option<&'a Speakers>,
}

/// A healed model as it is kept for a run that is taken up again.
#[derive(Serialize, Deserialize)]
struct Judged {
    record: HealRecord,
    tasks: Vec<TaskResult>,
    agreement: Option<Agreement>,
}

/// Healed and judged, or why not.
type Found = Result<Judged, String>;

impl<F: ModelFiles> HealingTask<'_, F> {
    /// Heals and judges every plan's model, and finds each plan's largest cut; `unhealed` are the outcomes of the models as cut. What cannot
    /// be healed is told, and the rest goes on.
    pub async fn perform(
        &self,
        plans: &[Plan],
        unhealed: &[Outcome],
        kept: &mut StageCache<'_>,
        run: &mut Run<'_>,
    ) -> Result<HealingReport, LabError> {
        let ways = self.request.healing();
        let mut report = HealingReport {
            request: self.request.clone(),
            text: Some(DataReport::of(self.text)),
            outcomes: Vec::new(),
            cuts: Vec::new(),
            refused: Vec::new(),
        };
        let text = match HealText::of(&self.text.sequences) {
            Ok(text) => text,
            Err(error) => {
                report.refused.extend(ways.into_iter().map(|way| Refused {
                    way,
                    removed: BTreeSet::new(),
                    cause: error.to_string(),
                }));
                return Ok(report);
            }
        };
        let ends: BTreeSet<BTreeSet<usize>> = plans
            .iter()
            .map(Plan::set)
            .filter(|removed| !removed.is_empty())
            .collect();
        let mut patient = Patient {
            task: self,
            text: &text,
            of: ends.len() * ways.len(),
            done: 0,
            found: BTreeMap::new(),
        };
        for &way in &ways {
            for removed in &ends {
                patient.heal(removed, way, true, kept, run).await?;
            }
        }
        for plan in plans {
            match &self.request.keep_of {
                // Perplexity was taken of every model along the plan.
                None => report
                    .cuts
                    .push(cut_unhealed(plan, unhealed, self.request.keep)),
                Some(_) => {
                    let cut = patient.largest_cut(plan, Healing::None, kept, run).await?;
                    report.cuts.extend(cut);
                }
            }
            for &way in &ways {
                // A training for every step of a bisection would take hours.
                if !way.distils() {
                    let cut = patient.largest_cut(plan, way, kept, run).await?;
                    report.cuts.extend(cut);
                }
            }
        }
        patient.found.retain(|(way, _), _| *way != Healing::None);
        for ((way, removed), found) in patient.found {
            match found {
                Err(cause) => report.refused.push(Refused {
                    way,
                    removed,
                    cause,
                }),
                Ok(judged) if ends.contains(&removed) => {
                    let outcome = self.outcome(removed, judged.tasks, judged.agreement)?;
                    report.outcomes.push(HealedOutcome {
                        record: judged.record,
                        outcome,
                    });
                }
                Ok(_) => {}
            }
        }
        let outcomes = report.outcomes.iter_mut();
        corrected(outcomes.flat_map(|healed| &mut healed.outcome.compared));
        Ok(report)
    }

    fn outcome(
        &self,
        removed: BTreeSet<usize>,
        tasks: Vec<TaskResult>,
        agreement: Option<Agreement>,
    ) -> Result<Outcome, LabError> {
        Ok(Outcome {
            parameters: self.model.decoder.without(&removed)?.parameters(),
            removed,
            compared: comparisons(self.whole, &tasks, self.eval),
            tasks,
            agreement,
        })
    }
}

/// What was healed so far.
struct Patient<'a, F> {
    task: &'a HealingTask<'a, F>,
    text: &'a HealText,
    of: usize,
    done: usize,
    found: BTreeMap<(Healing, BTreeSet<usize>), Found>,
}

impl<F: ModelFiles> Patient<'_, F> {
    /// Heals one model and judges it, once.
    async fn heal(
        &mut self,
        removed: &BTreeSet<usize>,
        way: Healing,
        is_end: bool,
        kept: &mut StageCache<'_>,
        run: &mut Run<'_>,
    ) -> Result<(), LabError> {
        let key = (way, removed.clone());
        if self.found.contains_key(&key) {
            return Ok(());
        }
        let numbers: Vec<String> = removed.iter().map(ToString::to_string).collect();
        let stage = format!("healed-{way}-{}-{is_end}", numbers.join("-"));
        let found = match kept.load(&stage) {
            Some(found) => found,
            None => {
                let found = self.judged(removed, way, is_end, kept, run).await?;
                kept.keep(&stage, found)?
            }
        };
        self.done += 1;
        self.found.insert(key, found);
        Ok(())
    }

    async fn judged(
        &self,
        removed: &BTreeSet<usize>,
        way: Healing,
        is_end: bool,
        kept: &mut StageCache<'_>,
        run: &mut Run<'_>,
    ) -> Result<Found, LabError> {
        let task = self.task;
        let healer = Healer {
            whole: &task.model.decoder,
            text: self.text,
            request: task.request,
        };
        let turn = HealTurn {
            models: self.done,
            of: self.of.max(self.done + 1),
        };
        let healed = match healer.heal(removed, way, turn, Some(kept), run).await {
            Ok(healed) => healed,
            Err(LabError::Heal(error)) => return Ok(Err(error.to_string())),
            Err(error) => return Err(error),
        };
        let exam = Exam {
            tokenizer: &task.model.tokenizer,
            datasets: if is_end { task.datasets } else { task.judges },
            options: task.eval,
        };
        let place = ModelTurn {
            models: self.done,
            of: turn.of,
        };
        let tasks = exam.take(&healed.decoder, place, run).await?;
        let agreement = match task.speakers.filter(|_| is_end) {
            Some(speakers) => Some(
                speakers
                    .held_against(&healed.decoder, &task.eval.confidence, run)
                    .await?,
            ),
            None => None,
        };
        Ok(Ok(Judged {
            record: healed.record,
            tasks,
            agreement,
        }))
    }

    /// The largest cut along a plan; none where a model on the way cannot be healed.
    async fn largest_cut(
        &mut self,
        plan: &Plan,
        way: Healing,
        kept: &mut StageCache<'_>,
        run: &mut Run<'_>,
    ) -> Result<Option<LargestCut>, LabError> {
        let most = plan.removed.len();
        let mut bisection = Bisection::to(most);
        let mut of_enough = [None; 3];
        while let Some(count) = bisection.next(most) {
            let removed: BTreeSet<usize> = plan.removed[..count].iter().copied().collect();
            self.heal(&removed, way, count == most, kept, run).await?;
            let Some(Ok(judged)) = self.found.get(&(way, removed.clone())) else {
                return Ok(None);
            };
            let outcome = self.task.outcome(removed, judged.tasks.clone(), None)?;
            let [share, low, high] = retained(&outcome, self.task.request.keep_of.as_deref());
            let keeps = share.is_some_and(|share| share >= self.task.request.keep);
            if keeps {
                of_enough = [share, low, high];
            }
            bisection.found(count, keeps);
        }
        Ok(Some(cut(plan, way, bisection.enough, of_enough)))
    }
}

fn cut(plan: &Plan, healing: Healing, layers: usize, retained: [Option<f64>; 3]) -> LargestCut {
    let [retained, retained_low, retained_high] = retained;
    LargestCut {
        method: plan.method,
        label: plan.label.clone(),
        schedule: plan.schedule,
        healing,
        layers,
        is_whole_plan: layers == plan.removed.len(),
        retained,
        retained_low,
        retained_high,
    }
}

/// The largest cut of models that were not healed. All along the plan are measured.
fn cut_unhealed(plan: &Plan, outcomes: &[Outcome], keep: f64) -> LargestCut {
    let largest = (1..=plan.removed.len()).rev().find_map(|count| {
        let removed: BTreeSet<usize> = plan.removed[..count].iter().copied().collect();
        let outcome = outcomes.iter().find(|outcome| outcome.removed == removed)?;
        let of_outcome = retained(outcome, None);
        (of_outcome[0]? >= keep).then_some((count, of_outcome))
    });
    let (layers, of_outcome) = largest.unwrap_or((0, [None; 3]));
    cut(plan, Healing::None, layers, of_outcome)
}

/// Holds the models at the end of plans against the whole one.
pub(crate) async fn agreements<F: ModelFiles>(
    model: &OpenModel<F>,
    speakers: &Speakers,
    confidence: &Confidence,
    plans: &[Plan],
    outcomes: &mut [Outcome],
    kept: &mut StageCache<'_>,
    run: &mut Run<'_>,
) -> Result<(), LabError> {
    for outcome in outcomes {
        if !plans.iter().any(|plan| plan.set() == outcome.removed) {
            continue;
        }
        let numbers: Vec<String> = outcome.removed.iter().map(ToString::to_string).collect();
        let stage = format!("agreement-{}", numbers.join("-"));
        let found = match kept.load(&stage) {
            Some(found) => found,
            None => {
                let cut = model.decoder.without(&outcome.removed)?;
                let found = speakers.held_against(&cut, confidence, run).await?;
                kept.keep(&stage, found)?
            }
        };
        outcome.agreement = Some(found);
    }
    Ok(())
}
