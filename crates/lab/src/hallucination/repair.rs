//! Repair of chosen layers, beside the same budget spent on others.

use std::collections::BTreeSet;

use layerlab_eval::{Comparison, TaskResult, metric::correct};
use layerlab_model::{Adapters, ModelFiles};
use layerlab_score::{AnswerLosses, Estimate, Margins};
use layerlab_stats::Tap;
use layerlab_tune::{Ending, Objective, Recipe, Tuner, TuningState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web_time::Instant;

use super::{
    HeldOutMargin, LayerChoice, LocateRequest, LocatedTap, MarginChange, RepairMaterial,
    SplitReport, TrainedAlone,
    alone::{margin_losses, trained_alone},
    choice::{chosen, spelled_out},
    locate::DEFINITIONS,
    located,
    material::prepare,
    pooled::pooled,
    train::train,
};
use crate::{
    LabError, OpenModel, Progress, Run, Stages, TaskComparison,
    evaluate::{Exam, ModelTurn, comparisons, corrected, dated, few},
    report::{Experiment, Report},
    stage_cache::{StageCache, fingerprint},
};

/// What to repair, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepairRequest {
    /// Each is tried.
    pub choices: Vec<LayerChoice>,
    /// Each is tried on every choice; none for the recipe's.
    pub objectives: Vec<Objective>,
    /// Layers of a choice that does not say how many; a quarter of them if none.
    pub count: Option<usize>,
    /// How adapters are trained.
    pub recipe: Recipe,
    /// How layers are told apart, and how models are asked.
    pub locate: LocateRequest,
}

impl Default for RepairRequest {
    fn default() -> Self {
        Self {
            choices: vec![
                LayerChoice::Eavss,
                LayerChoice::Probe,
                LayerChoice::Random { seed: 1 },
                LayerChoice::Random { seed: 2 },
                LayerChoice::Random { seed: 3 },
                LayerChoice::Last,
                LayerChoice::All,
            ],
            objectives: vec![Objective::default()],
            count: None,
            recipe: Recipe::default(),
            locate: LocateRequest {
                taps: BTreeSet::from([Tap::Output]),
                ..LocateRequest::default()
            },
        }
    }
}

/// What repairs are worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepairReport {
    /// Whose definitions these are.
    pub definitions: String,
    /// What was asked for.
    pub request: RepairRequest,
    /// How questions were parted.
    pub split: SplitReport,
    /// Every layer on the training pairs.
    pub located: Vec<LocatedTap>,
    /// By how much each layer moves the margin on the training pairs, where layers were chosen by it.
    #[serde(default)]
    pub margins: Option<Margins>,
    /// The margin of the held-out pairs before any repair; none where there are too few.
    #[serde(default)]
    pub held_out_margin: Option<HeldOutMargin>,
    /// Whether what is said of layers goes with what training each alone brings, for each objective by which several were.
    #[serde(default)]
    pub alone: Vec<TrainedAlone>,
    /// Each choice of layers with each objective; compared with the model as it was, on held-out questions.
    pub runs: Vec<RepairRun>,
}

/// One training, and what it changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepairRun {
    /// How the layers were chosen.
    pub choice: LayerChoice,
    /// The layers.
    pub layers: BTreeSet<usize>,
    /// What was minimised.
    pub objective: Objective,
    /// Weights that were trained.
    pub parameters: usize,
    /// Steps, checks and how it ended.
    pub training: TuningState,
    /// How long the training took.
    pub seconds: f64,
    /// What the repaired model made of the held-out questions.
    pub tasks: Vec<TaskResult>,
    /// The same beside the model as it was.
    pub compared: Vec<TaskComparison>,
    /// Each metric over all datasets together.
    pub pooled: Vec<Comparison>,
    /// By how much the margin of the held-out pairs rose, in nats a token; interval over pairs.
    #[serde(default)]
    pub margin_gain: Option<Estimate>,
}

/// A report, and the adapters of its runs in their order.
pub struct Repaired {
    /// The report.
    pub report: Report,
    /// Of each run, at its best step.
    pub adapters: Vec<Adapters>,
}

impl Repaired {
    /// The run whose validation pairs came out best, and its adapters: no held-out question takes part in the choice.
    pub fn best(&self) -> Option<(&RepairRun, &Adapters)> {
        let repair = self.report.repair.as_ref();
        let runs = repair.map_or(&[][..], |repair| &repair.runs);
        let accuracy = |run: &RepairRun| {
            let best = run.training.checks.get(run.training.best);
            best.map_or(0.0, |check| check.accuracy)
        };
        runs.iter()
            .zip(&self.adapters)
            .rev()
            .max_by(|a, b| accuracy(a.0).total_cmp(&accuracy(b.0)))
    }
}

/// Trains adapters on every choice of layers with every objective and judges each on held-out questions. Trainings that
/// were broken off go on from `stages`. Where the caller asks that a training end early, what it has come to is judged, and
/// no other is begun.
///
/// # Errors
/// When an option is out of range, there are too few questions or too little neutral text, the model cannot read them,
/// the device fails, a checkpoint cannot be kept, or the caller asks to stop.
pub async fn repair_layers<F: ModelFiles>(
    model: &OpenModel<F>,
    material: &RepairMaterial,
    request: &RepairRequest,
    created: String,
    stages: &mut dyn Stages,
    run: &mut Run<'_>,
) -> Result<Repaired, LabError> {
    request.recipe.validate()?;
    request.locate.eval.validate(&model.tokenizer)?;
    let inputs = (
        &material.datasets,
        &material.texts,
        &material.neutral,
        request,
    );
    let mut kept = StageCache::new(fingerprint(model, inputs).await?, stages);
    let prepared = prepare(model, material, request, run).await?;
    let taught = prepared.taught;
    let pairs = &prepared.held_out_pairs;
    // Choices that ask for what nothing else would measure.
    let measuring = [LayerChoice::MarginChange, LayerChoice::Each];
    let by_margin = request
        .choices
        .iter()
        .any(|choice| measuring.contains(choice));
    let locate = LocateRequest {
        margin_change: match by_margin {
            true => MarginChange::Always,
            false => MarginChange::Never,
        },
        ..request.locate.clone()
    };
    let located = located(&model.decoder, &taught.train, &locate, run).await?;
    let exam = Exam {
        tokenizer: &model.tokenizer,
        datasets: &prepared.held_out,
        options: &request.locate.eval,
    };
    let objectives = match request.objectives.is_empty() {
        true => vec![request.recipe.objective],
        false => request.objectives.clone(),
    };
    let layers = model.decoder.spec().layers();
    let choices = spelled_out(&request.choices, layers);
    let plans = choices.iter().flat_map(|choice| {
        let objectives = objectives.iter();
        objectives.map(move |objective| (choice, *objective))
    });
    let plans: Vec<(&LayerChoice, Objective)> = plans.collect();
    let of = plans.len();
    let start = Instant::now();
    let before: Vec<TaskResult> = match kept.load("before") {
        Some(tasks) => tasks,
        None => {
            let place = ModelTurn {
                models: 0,
                of: of + 1,
            };
            kept.keep("before", exam.take(&model.decoder, place, run).await?)?
        }
    };
    let losses_before: Option<AnswerLosses> = match kept.load("margin-before") {
        Some(losses) => losses,
        None => kept.keep(
            "margin-before",
            margin_losses(&model.decoder, pairs, run).await?,
        )?,
    };
    let options = &request.locate.contrast;
    let (mut runs, mut adapters) = (Vec::with_capacity(of), Vec::with_capacity(of));
    // Of each run, what each held-out pair gained.
    let mut gains: Vec<Option<Vec<f64>>> = Vec::with_capacity(of);
    for (number, (choice, objective)) in plans.into_iter().enumerate() {
        let layers = chosen(choice, request.count, &located, layers)?;
        let recipe = Recipe {
            objective,
            ..request.recipe.clone()
        };
        let begun = Instant::now();
        let mut tuner = Tuner::new(&model.decoder, &layers, &taught, recipe).await?;
        let ending = train(&mut tuner, model, (number, of), &mut kept, run).await?;
        let seconds = begun.elapsed().as_secs_f64();
        let repaired = model.decoder.with_adapters(tuner.best()).merged();
        let name = format!("judged-{number}");
        let place = ModelTurn {
            models: number + 1,
            of: of + 1,
        };
        let is_stopped = ending == Ending::Stopped;
        // Where a training stopped is the caller's doing: it says nothing of a later one.
        let judged_before = if is_stopped { None } else { kept.load(&name) };
        let (tasks, losses): (Vec<TaskResult>, Option<AnswerLosses>) = match judged_before {
            Some(judged) => judged,
            None => {
                let judged = (
                    exam.take(&repaired, place, run).await?,
                    margin_losses(&repaired, pairs, run).await?,
                );
                match is_stopped {
                    true => judged,
                    false => kept.keep(&name, judged)?,
                }
            }
        };
        let of_pairs = losses_before.as_ref().zip(losses.as_ref());
        let gained = of_pairs.map(|(before, after)| before.gains(after));
        runs.push(RepairRun {
            choice: choice.clone(),
            layers,
            objective,
            parameters: tuner.best().parameters(),
            training: tuner.state().clone(),
            seconds,
            compared: comparisons(&before, &tasks, &request.locate.eval),
            pooled: pooled(&before, &tasks, &request.locate.eval.confidence),
            tasks,
            margin_gain: losses_before
                .as_ref()
                .zip(gained.as_ref())
                .map(|(before, gained)| before.estimate(gained, options)),
        });
        gains.push(gained);
        adapters.push(tuner.best().clone());
        if is_stopped {
            break;
        }
    }
    corrected(
        runs.iter_mut()
            .flat_map(|run: &mut RepairRun| &mut run.compared),
    );
    let mut together: Vec<&mut Comparison> =
        runs.iter_mut().flat_map(|run| &mut run.pooled).collect();
    correct(&mut together);
    run.step(Progress::Hashing).await?;
    let mut report = Report::begin(model, Experiment::Repair, created).await?;
    report.warnings.extend(few(&before));
    let dated = dated(&model.tokenizer, &request.locate.eval);
    report.warnings.extend(dated);
    report.timings.evaluate_seconds = Some(start.elapsed().as_secs_f64());
    report.evaluation = before;
    report.repair = Some(RepairReport {
        definitions: DEFINITIONS.into(),
        request: request.clone(),
        split: prepared.split,
        alone: trained_alone(&runs, &gains, located.signs.as_ref(), options),
        held_out_margin: losses_before.map(|losses| HeldOutMargin {
            pairs: pairs.len(),
            per_token: losses.margin(options),
        }),
        located: located.taps,
        margins: located.margins,
        runs,
    });
    Ok(Repaired {
        report: report.concluded(),
        adapters,
    })
}
