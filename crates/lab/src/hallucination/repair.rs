//! Repair of chosen layers, beside the same budget spent on others.

use std::{collections::BTreeSet, fmt, str::FromStr};

use layerlab_eval::{Comparison, Dataset, Items, TaskResult, TokenPair};
use layerlab_model::{Adapters, ModelFiles};
use layerlab_tune::{Event, Material, Objective, Recipe, Tuner, TuningState};
use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web_time::Instant;

use super::{
    LocateRequest, LocatedTap,
    locate::DEFINITIONS,
    located,
    pooled::pooled,
    split::{Part, SplitReport, only},
    token_pairs,
};
use crate::{
    LabError, OpenModel, Progress, Run, Stages, TaskComparison,
    evaluate::{Exam, Place, comparisons},
    judge::asked,
    kept::{Kept, fingerprint},
    report::{Experiment, Report},
};
use layerlab_stats::Tap;

/// Tokens of a neutral sequence.
const NEUTRAL_TOKENS: usize = 64;
/// One neutral sequence in so many is watched by the guard, and not trained on.
const GUARD_SHARE: usize = 4;
/// Steps from one kept checkpoint to the next.
const KEEP_EVERY: usize = 50;

/// How the layers to repair are chosen. Written `eavss`, `probe`, `last`, `all`, `random:SEED`, or as numbers joined by `+`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LayerChoice {
    /// The highest propensity |ln EAVSS| on training pairs, at the output of blocks.
    Eavss,
    /// The highest AUROC of the mass-mean probe on training pairs, at the output of blocks.
    Probe,
    /// Drawn at random.
    Random {
        /// By this seed.
        seed: u64,
    },
    /// The last.
    Last,
    /// Every layer, each with adapters of the same rank: more weights in all.
    All,
    /// By hand.
    Given {
        /// These.
        layers: BTreeSet<usize>,
    },
}

impl fmt::Display for LayerChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eavss => f.write_str("eavss"),
            Self::Probe => f.write_str("probe"),
            Self::Random { seed } => write!(f, "random:{seed}"),
            Self::Last => f.write_str("last"),
            Self::All => f.write_str("all"),
            Self::Given { layers } => {
                let layers: Vec<String> = layers.iter().map(ToString::to_string).collect();
                f.write_str(&layers.join("+"))
            }
        }
    }
}

impl FromStr for LayerChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "eavss" => return Ok(Self::Eavss),
            "probe" => return Ok(Self::Probe),
            "last" => return Ok(Self::Last),
            "all" => return Ok(Self::All),
            _ => {}
        }
        if let Some(seed) = text.strip_prefix("random:") {
            let seed = seed.parse().map_err(|_| format!("`{seed}` is no seed"))?;
            return Ok(Self::Random { seed });
        }
        let layers: Result<BTreeSet<usize>, _> = text.split('+').map(str::parse).collect();
        match layers {
            Ok(layers) => Ok(Self::Given { layers }),
            Err(_) => Err(format!(
                "`{text}` is no choice of layers; expected eavss, probe, last, all, random:SEED, or numbers joined by +"
            )),
        }
    }
}

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

/// What a repair reads.
#[derive(Debug, Clone)]
pub struct RepairMaterial {
    /// Questions; half are trained on, 15 % choose the best step, the rest are judged on.
    pub datasets: Vec<Dataset>,
    /// Neutral text that is trained on and watched.
    pub neutral: String,
    /// Other texts that the perplexity is judged on.
    pub texts: Vec<Dataset>,
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
/// were broken off go on from `stages`.
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
    request.locate.eval.validate()?;
    let inputs = (
        asked(&material.datasets),
        asked(&material.texts),
        &material.neutral,
        request,
    );
    let mut kept = Kept {
        fingerprint: fingerprint(model, inputs).await?,
        stages,
        resumed: 0,
    };
    let (taught, split, held_out) = prepare(model, material, request, run).await?;
    let located = located(&model.decoder, &taught.train, &request.locate, run).await?;
    let exam = Exam {
        tokenizer: &model.tokenizer,
        datasets: &held_out,
        options: &request.locate.eval,
    };
    let objectives = match request.objectives.is_empty() {
        true => vec![request.recipe.objective],
        false => request.objectives.clone(),
    };
    let plans = request.choices.iter().flat_map(|choice| {
        let objectives = objectives.iter();
        objectives.map(move |objective| (choice, *objective))
    });
    let plans: Vec<(&LayerChoice, Objective)> = plans.collect();
    let of = plans.len();
    let start = Instant::now();
    let before: Vec<TaskResult> = match kept.load("before") {
        Some(tasks) => tasks,
        None => {
            let place = Place {
                models: 0,
                of: of + 1,
            };
            kept.keep("before", exam.take(&model.decoder, place, run).await?)?
        }
    };
    let (mut runs, mut adapters) = (Vec::with_capacity(of), Vec::with_capacity(of));
    for (number, (choice, objective)) in plans.into_iter().enumerate() {
        let layers = chosen(
            choice,
            request.count,
            &located,
            model.decoder.spec().layers(),
        )?;
        let recipe = Recipe {
            objective,
            ..request.recipe.clone()
        };
        let begun = Instant::now();
        let mut tuner = Tuner::new(&model.decoder, &layers, &taught, recipe).await?;
        train(&mut tuner, model, (number, of), &mut kept, run).await?;
        let seconds = begun.elapsed().as_secs_f64();
        let repaired = model.decoder.with_adapters(tuner.best()).merged();
        let name = format!("judged-{number}");
        let tasks: Vec<TaskResult> = match kept.load(&name) {
            Some(tasks) => tasks,
            None => {
                let place = Place {
                    models: number + 1,
                    of: of + 1,
                };
                kept.keep(&name, exam.take(&repaired, place, run).await?)?
            }
        };
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
        });
        adapters.push(tuner.best().clone());
    }
    run.step(Progress::Hashing).await?;
    let mut report = Report::begin(model, Experiment::Repair, created).await?;
    report.timings.evaluate_seconds = Some(start.elapsed().as_secs_f64());
    report.evaluation = before;
    report.repair = Some(RepairReport {
        definitions: DEFINITIONS.into(),
        request: request.clone(),
        split,
        located,
        runs,
    });
    Ok(Repaired { report, adapters })
}

/// Everything that is trained on, how it was parted, and the datasets that are judged on.
async fn prepare<F>(
    model: &OpenModel<F>,
    material: &RepairMaterial,
    request: &RepairRequest,
    run: &mut Run<'_>,
) -> Result<(Material, SplitReport, Vec<Dataset>), LabError> {
    let seed = request.recipe.seed;
    let (mut train, mut validation): (Vec<TokenPair>, Vec<TokenPair>) = Default::default();
    let has_choices = material
        .datasets
        .iter()
        .any(|dataset| matches!(dataset.items, Items::Choices(_)));
    for dataset in &material.datasets {
        // Where there are choices, questions to answer freely are for judging alone.
        let is_taught = match &dataset.items {
            Items::Choices(_) => true,
            Items::Answers(_) => !has_choices,
            Items::Text(_) | Items::Labels(_) => false,
        };
        for (part, pairs) in [
            (Part::Train, &mut train),
            (Part::Validation, &mut validation),
        ] {
            let part = only(dataset, part, seed);
            if is_taught && part.items.len() >= 2 {
                let found = token_pairs(model, &model.decoder, &part, &request.locate, run).await?;
                pairs.extend(found.0);
            }
        }
    }
    let held_out = material
        .datasets
        .iter()
        .map(|dataset| only(dataset, Part::Test, seed));
    let held_out: Vec<Dataset> = held_out
        .filter(|dataset| !dataset.items.is_empty())
        .chain(material.texts.iter().cloned())
        .collect();
    let ids = model.tokenizer.encode_text(&material.neutral)?;
    let length = NEUTRAL_TOKENS.min(model.decoder.spec().context);
    let sequences = ids.chunks(length).filter(|ids| ids.len() > 1);
    let (mut neutral_train, mut neutral_validation) = (Vec::new(), Vec::new());
    for (place, sequence) in sequences.enumerate() {
        match place % GUARD_SHARE == GUARD_SHARE - 1 {
            true => neutral_validation.push(sequence.to_vec()),
            false => neutral_train.push(sequence.to_vec()),
        }
    }
    let tokens = |sequences: &[Vec<u32>]| sequences.iter().map(Vec::len).sum();
    let questions = held_out
        .iter()
        .filter(|dataset| matches!(dataset.items, Items::Choices(_) | Items::Answers(_)));
    let split = SplitReport {
        train: train.len(),
        validation: validation.len(),
        test: questions.map(|dataset| dataset.items.len()).sum(),
        neutral_train: tokens(&neutral_train),
        neutral_validation: tokens(&neutral_validation),
    };
    let material = Material {
        train,
        validation,
        neutral_train,
        neutral_validation,
    };
    Ok((material, split, held_out))
}

/// Trains to the end, from where an earlier run was broken off.
async fn train<F>(
    tuner: &mut Tuner,
    model: &OpenModel<F>,
    (runs, of): (usize, usize),
    kept: &mut Kept<'_>,
    run: &mut Run<'_>,
) -> Result<(), LabError> {
    let name = format!("{}/training-{runs}.safetensors", kept.fingerprint);
    if let Some(bytes) = kept.stages.load_bytes(&name) {
        tuner.resume(&model.decoder, &bytes)?;
    }
    let total = tuner.recipe().steps;
    loop {
        let progress = match tuner.advance().await? {
            Event::Step(record) => {
                if (record.step + 1).is_multiple_of(KEEP_EVERY) {
                    kept.stages.save_bytes(&name, &tuner.checkpoint().await?)?;
                }
                Progress::Tuning {
                    runs,
                    of,
                    total,
                    record,
                }
            }
            Event::Check(record) => Progress::Checking { runs, record },
            Event::Ended(_) => {
                kept.stages.save_bytes(&name, &tuner.checkpoint().await?)?;
                return Ok(());
            }
        };
        run.step(progress).await?;
    }
}

/// The layers of a choice.
fn chosen(
    choice: &LayerChoice,
    count: Option<usize>,
    located: &[LocatedTap],
    layers: usize,
) -> Result<BTreeSet<usize>, LabError> {
    let quarter = ((layers as f64 * 0.25).round() as usize).max(1);
    let count = count.unwrap_or(quarter).clamp(1, layers);
    let highest = |value: &dyn Fn(&layerlab_score::LayerContrast) -> Option<f64>| {
        let of_tap = located.first().map_or(&[][..], |tap| &tap.layers);
        let mut ranked: Vec<(f64, usize)> = of_tap
            .iter()
            .filter_map(|layer| Some((value(layer)?, layer.layer)))
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked
            .into_iter()
            .take(count)
            .map(|(_, layer)| layer)
            .collect()
    };
    Ok(match choice {
        LayerChoice::Eavss => highest(&|layer| layer.propensity),
        LayerChoice::Probe => highest(&|layer| layer.auroc.value),
        LayerChoice::Random { seed } => {
            let mut random = ChaCha8Rng::seed_from_u64(*seed);
            index::sample(&mut random, layers, count)
                .into_iter()
                .collect()
        }
        LayerChoice::Last => (layers - count..layers).collect(),
        LayerChoice::All => (0..layers).collect(),
        LayerChoice::Given { layers: given } => {
            if let Some(&layer) = given.iter().find(|layer| **layer >= layers) {
                return Err(layerlab_model::ModelError::NoSuchLayer { layer, layers }.into());
            }
            given.clone()
        }
    })
}
