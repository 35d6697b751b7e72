//! The experiment behind `layerlab run`: score, prune by every method, and see what each kept.

use std::{borrow::Cow, collections::BTreeSet};

use layerlab_eval::{Dataset, EvalOptions, Shard};
use layerlab_heal::HealText;
use layerlab_model::ModelFiles;
use layerlab_score::{Budget, Constraints, Plan, Schedule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web_time::Instant;

use crate::{
    HealRequest, HealedModel, Healing, LabError, OpenModel, Progress, Run, ScoreRequest, Stages,
    Text,
    calibration::{Passages, TaskAnswers},
    evaluate::{corrected, dated, few},
    heal::{HealTurn, Healer, HealingTask, Speakers, agreements},
    judge::judge,
    prune::{BlockPasses, PlanRequest, Plans},
    report::{DataReport, Experiment, Outcome, PruningReport, Report},
    score::Scored,
    shard::enough,
    stage_cache::{StageCache, fingerprint},
};

/// What to score, how to prune, and how to judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExperimentRequest {
    /// Scores.
    pub score: ScoreRequest,
    /// Plans.
    pub plans: PlanRequest,
    /// Tasks.
    pub eval: EvalOptions,
    /// Ways of healing.
    pub heal: HealRequest,
}

impl Default for ExperimentRequest {
    /// Every method, a quarter of the layers.
    fn default() -> Self {
        Self {
            score: ScoreRequest {
                loss_change: true,
                ..ScoreRequest::default()
            },
            plans: PlanRequest {
                methods: Vec::new(),
                schedules: BTreeSet::from([Schedule::OneShot]),
                budget: Budget::Share(0.25),
                constraints: Constraints::default(),
            },
            eval: EvalOptions::default(),
            heal: HealRequest::default(),
        }
    }
}

/// What an experiment is about.
#[derive(Clone, Copy)]
pub(crate) struct Subjects<'a> {
    pub text: &'a Text,
    pub datasets: &'a [Dataset],
    pub request: &'a ExperimentRequest,
}

/// What came of a part of the plans.
pub(crate) struct Pruned {
    /// Of these plans alone, nothing concluded yet.
    pub report: Report,
    /// All plans.
    pub plans: Vec<Plan>,
}

/// Scores the model on `text`, makes a plan by every method, and asks the whole and every pruned model
/// every dataset. Perplexity is also measured on the way to each plan's last removal, for the frontier.
/// Finished stages are kept in `stages`; a run with the same inputs takes them from there.
///
/// # Errors
/// When an option is out of range, the model cannot read the text or an item, the device fails, or the
/// caller asks to stop.
pub async fn prune_and_judge<F: ModelFiles>(
    model: &OpenModel<F>,
    text: &Text,
    datasets: &[Dataset],
    request: &ExperimentRequest,
    created: String,
    stages: &mut dyn Stages,
    run: &mut Run<'_>,
) -> Result<Report, LabError> {
    let subjects = Subjects {
        text,
        datasets,
        request,
    };
    let pruned = prune_some(model, subjects, Shard::WHOLE, created, stages, run).await?;
    Ok(pruned.report.concluded())
}

/// As [`prune_and_judge`], of a part of the plans. All layers are scored, and all plans made.
pub(crate) async fn prune_some<F: ModelFiles>(
    model: &OpenModel<F>,
    Subjects {
        text,
        datasets,
        request,
    }: Subjects<'_>,
    shard: Shard,
    created: String,
    stages: &mut dyn Stages,
    run: &mut Run<'_>,
) -> Result<Pruned, LabError> {
    let layers = model.decoder.spec().layers();
    // What cannot be done is refused before anything is computed.
    let count = request
        .plans
        .budget
        .count(layers, &request.plans.constraints)?;
    let valid = request.eval.validate(&model.tokenizer);
    valid.map_err(LabError::from)?;
    let judges = request.heal.judges(datasets)?;
    let judges: Vec<Dataset> = judges.into_iter().cloned().collect();
    let mut kept = kept_stages(model, text, datasets, request, stages).await?;
    let passages = Passages::of(&text.sequences);
    let answers = request.score.answers.as_ref();
    let of_answers = answers.map(TaskAnswers::passages);
    let subject = request
        .score
        .subject(&model.decoder, &passages, of_answers.as_ref());

    let scored: Scored = match kept.load("scores") {
        Some(scored) => scored,
        None => {
            let scored = Scored::of(model, text, &request.score, run).await?;
            kept.keep("scores", scored)?
        }
    };
    let start = Instant::now();
    let plans: Plans = match kept.load("plans") {
        Some(plans) => plans,
        None => {
            let plans = subject
                .plans(&scored.scoring.scores, &request.plans, run)
                .await?;
            kept.keep("plans", plans)?
        }
    };
    let plan_seconds = start.elapsed().as_secs_f64();
    let own = match shard {
        // What finds no plan is told by an empty report.
        Shard::WHOLE => &plans.plans[..],
        shard => {
            enough(shard, plans.plans.len(), "plans")?;
            &plans.plans[shard.range(plans.plans.len())]
        }
    };

    let start = Instant::now();
    let sets = removals(own);
    let judged = judge(model, datasets, &sets, &request.eval, &mut kept, run).await?;
    let (mut judged, passes) = judged;
    corrected_outcomes(own, &mut judged.outcomes);
    let evaluate_seconds = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let speakers: Option<Speakers> = match kept.load("speakers") {
        Some(speakers) => speakers,
        None => {
            let speakers = Speakers::of(&model.decoder, &model.tokenizer, datasets, run).await?;
            kept.keep("speakers", speakers)?
        }
    };
    if let Some(speakers) = &speakers {
        let (outcomes, confidence) = (&mut judged.outcomes, &request.eval.confidence);
        agreements(model, speakers, confidence, own, outcomes, &mut kept, run).await?;
    }
    let own_text = learned_from(model, request, &mut kept, run).await?;
    let healing = HealingTask {
        model,
        text: own_text.as_ref().unwrap_or(text),
        request: &request.heal,
        eval: &request.eval,
        datasets,
        judges: &judges,
        whole: &judged.evaluation,
        speakers: speakers.as_ref(),
    };
    let healed = healing.perform(own, &judged.outcomes, &mut kept, run);
    let healed = healed.await?;
    let heal_seconds = start.elapsed().as_secs_f64();

    let mut block_passes = scored.block_passes.clone();
    block_passes.extend(plans.block_passes.iter().cloned());
    if passes.plain > 0 {
        block_passes.push(BlockPasses::of(BlockPasses::JUDGING, passes));
    }
    run.step(Progress::Hashing).await?;
    let mut report = Report::begin(model, Experiment::Run, created).await?;
    scored.add_to(&mut report);
    let calibrated_on = &text.sha256;
    if datasets
        .iter()
        .any(|dataset| dataset.sha256 == *calibrated_on)
    {
        report.warnings.push(
            "perplexity is of the text that layers were scored on, so it flatters methods that follow the \
             text; a held-out text would not"
                .into(),
        );
    }
    let judged_too = datasets
        .iter()
        .filter(|dataset| answers.is_some_and(|answers| answers.is_of(&dataset.sha256)));
    report.warnings.extend(judged_too.map(|dataset| {
        format!(
            "{}: loss change was measured on the right answers that models are judged by, which flatters it; other questions would not",
            dataset.name
        )
    }));
    if kept.resumed > 0 {
        report.warnings.push(format!(
            "{} of {} stages were taken from an earlier run; times are of the rest",
            kept.resumed, kept.asked
        ));
    }
    report.timings.plan_seconds = Some(plan_seconds);
    report.timings.evaluate_seconds = Some(evaluate_seconds);
    report.timings.heal_seconds = Some(heal_seconds);
    report.warnings.extend(few(&judged.evaluation));
    report
        .warnings
        .extend(dated(&model.tokenizer, &request.eval));
    report.evaluation = judged.evaluation;
    report.pruning = Some(PruningReport {
        request: request.plans.clone(),
        count,
        plans: own.to_vec(),
        outcomes: judged.outcomes,
        block_passes,
        options: request.eval.clone(),
        healing: Some(healed),
    });
    Ok(Pruned {
        report,
        plans: plans.plans,
    })
}

/// Corrects comparisons for being several: what plans end with stands in one table, what they pass on the way there in another.
pub(crate) fn corrected_outcomes(plans: &[Plan], outcomes: &mut [Outcome]) {
    let is_last = |outcome: &Outcome| plans.iter().any(|plan| plan.set() == outcome.removed);
    for last in [true, false] {
        let table = outcomes.iter_mut();
        let table = table.filter(|outcome| is_last(outcome) == last);
        corrected(table.flat_map(|outcome| &mut outcome.compared));
    }
}

/// Heals a model of a finished experiment once more, which becomes the same by the same text and seed: trainings, and a text that
/// the model wrote itself, are taken from `stages`. Also gives the text that was learned from.
///
/// # Errors
/// As [`heal_with`](crate::heal_with).
pub async fn heal_again<'a, F: ModelFiles>(
    model: &OpenModel<F>,
    text: &'a Text,
    datasets: &[Dataset],
    request: &ExperimentRequest,
    (removed, way): (&BTreeSet<usize>, Healing),
    stages: &mut dyn Stages,
    run: &mut Run<'_>,
) -> Result<(HealedModel, Cow<'a, Text>), LabError> {
    let mut kept = kept_stages(model, text, datasets, request, stages).await?;
    let text = match learned_from(model, request, &mut kept, run).await? {
        Some(own) => Cow::Owned(own),
        None => Cow::Borrowed(text),
    };
    let healer = Healer {
        whole: &model.decoder,
        text: &HealText::of(&text.sequences)?,
        request: &request.heal,
    };
    let alone = HealTurn { models: 0, of: 1 };
    let healed = healer.heal(removed, way, alone, Some(&mut kept), run);
    Ok((healed.await?, text))
}

/// The stages of one experiment.
async fn kept_stages<'a, F: ModelFiles>(
    model: &OpenModel<F>,
    text: &Text,
    datasets: &[Dataset],
    request: &ExperimentRequest,
    stages: &'a mut dyn Stages,
) -> Result<StageCache<'a>, LabError> {
    let inputs = (DataReport::of(text), &text.sequences, datasets, request);
    Ok(StageCache::new(fingerprint(model, inputs).await?, stages))
}

/// The text that the model writes itself, where that is what healing learns from.
async fn learned_from<F: ModelFiles>(
    model: &OpenModel<F>,
    request: &ExperimentRequest,
    kept: &mut StageCache<'_>,
    run: &mut Run<'_>,
) -> Result<Option<Text>, LabError> {
    match kept.load("own-text") {
        Some(own) => Ok(own),
        None => kept.keep("own-text", request.heal.own_text(model, run).await?),
    }
}

/// The layers that some plan removes, after its last removal and on the way there; in the order of how
/// many they are. With each, whether it is some plan's last.
pub(crate) fn removals(plans: &[Plan]) -> Vec<(BTreeSet<usize>, bool)> {
    let mut sets: Vec<(BTreeSet<usize>, bool)> = Vec::new();
    for plan in plans {
        for count in 1..=plan.removed.len() {
            let set: BTreeSet<usize> = plan.removed[..count].iter().copied().collect();
            let is_last = count == plan.removed.len();
            match sets.iter_mut().find(|(known, _)| *known == set) {
                Some((_, known_last)) => *known_last |= is_last,
                None => sets.push((set, is_last)),
            }
        }
    }
    sets.sort_by_key(|(set, _)| set.len());
    sets
}
