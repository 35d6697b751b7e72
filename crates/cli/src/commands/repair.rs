//! `layerlab repair`.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use layerlab_atlas::bundled;
use layerlab_lab::{
    Cancel, Dataset, FolderTarget, LabError, LayerChoice, OpenModel, Recipe, RepairMaterial,
    RepairRequest, Repaired, Run, export_repaired, repair_layers, rounded, rounding,
};

use super::{locate::ContrastArguments, now};
use crate::{
    Failure,
    arguments::{Exam, ExamArguments, ModelArguments},
    input::read_text,
    model::{self, Source},
    output::warn,
    progress::{Bars, on_interrupt},
    stages::StageFolder,
};

/// Train small adapters on chosen layers so that factual answers become likelier than hallucinated ones
#[derive(Args)]
#[command(after_help = "\
Half of the questions are trained on, 15 % choose the best step, and all figures are of the rest. Questions that share the \
field `group` stay together.

Examples:
  layerlab repair
  layerlab repair --model path/to/model --task truthfulqa_mc.json --neutral notes.txt --layers eavss --adapter repaired
  layerlab repair --layers each --steps 20
  layerlab repair --layers 3+4,random:1 --objective margin,dpo,info-nce --steps 100 --json --output report.json")]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    exam: ExamArguments,
    /// Neutral text whose perplexity is to be kept; atlas has its own
    #[arg(long, value_name = "FILE")]
    neutral: Option<PathBuf>,
    #[command(flatten)]
    contrast: ContrastArguments,
    #[command(flatten)]
    training: TrainingArguments,
    /// Write the adapter of the run with the best validation pairs to this folder, in the layout of PEFT
    #[arg(long, value_name = "DIR")]
    adapter: Option<PathBuf>,
    /// Write the model with that adapter merged into its weights to this folder
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Where trainings are kept until the end, so that one that was broken off goes on; the user's cache if not given
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
}

/// What is trained, and how
#[derive(Args)]
#[command(next_help_heading = "Training")]
struct TrainingArguments {
    /// Choices of layers, each tried: eavss, probe, margin-change, random:SEED, last, all, each (every layer alone), or numbers
    /// joined by +
    #[arg(long, value_name = "CHOICE,…", value_delimiter = ',', default_values_t = RepairRequest::default().choices)]
    layers: Vec<LayerChoice>,
    /// Layers of each choice; a quarter of them if not given
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// What is minimised over pairs, each tried
    #[arg(
        long,
        value_enum,
        value_name = "OBJECTIVE,…",
        value_delimiter = ',',
        default_value = "margin"
    )]
    objective: Vec<Objective>,
    /// Rank of the adapters
    #[arg(long, value_name = "N", default_value_t = Recipe::default().rank)]
    rank: usize,
    /// Adapters count alpha / rank times
    #[arg(long, value_name = "A", default_value_t = Recipe::default().alpha)]
    alpha: f64,
    /// Steps at most
    #[arg(long, value_name = "N", default_value_t = Recipe::default().steps)]
    steps: usize,
    /// The highest learning rate
    #[arg(long, value_name = "RATE", default_value_t = Recipe::default().learning_rate)]
    learning_rate: f64,
    /// Pairs of a forward pass
    #[arg(long, value_name = "N", default_value_t = Recipe::default().pairs)]
    pairs: usize,
    /// Forward passes of a step
    #[arg(long, value_name = "N", default_value_t = Recipe::default().accumulate)]
    accumulate: usize,
    /// Weight of the factual answers' cross-entropy
    #[arg(long, value_name = "W", default_value_t = Recipe::default().answer_weight)]
    answer_weight: f64,
    /// Weight of the neutral text's cross-entropy
    #[arg(long, value_name = "W", default_value_t = Recipe::default().neutral_weight)]
    neutral_weight: f64,
    /// By which share neutral perplexity may rise before a training is stopped and rolled back
    #[arg(long, value_name = "SHARE", default_value_t = Recipe::default().tolerance)]
    tolerance: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Objective {
    InfoNce,
    Margin,
    Dpo,
}

impl Objective {
    fn with_usual_number(self) -> layerlab_lab::Objective {
        let [info_nce, margin, dpo] = layerlab_lab::Objective::ALL;
        match self {
            Self::InfoNce => info_nce,
            Self::Margin => margin,
            Self::Dpo => dpo,
        }
    }
}

impl TrainingArguments {
    fn recipe(&self, seed: u64) -> Recipe {
        Recipe {
            rank: self.rank,
            alpha: self.alpha,
            steps: self.steps,
            learning_rate: self.learning_rate,
            pairs: self.pairs,
            accumulate: self.accumulate,
            answer_weight: self.answer_weight,
            neutral_weight: self.neutral_weight,
            tolerance: self.tolerance,
            seed,
            ..Recipe::default()
        }
    }
}

/// Runs it.
///
/// # Errors
/// When nothing can be trained, the model or a dataset cannot be used, the device fails, a checkpoint or the output cannot
/// be written, or the user interrupts.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let with_items = arguments.exam.with_items_to_repair();
    let exam = with_items.exam(&arguments.model.model, bundled::repaired_on)?;
    let material = arguments.material(&exam)?;
    let cancel = on_interrupt()?;
    let mut bars = Bars::new();
    let mut stages = StageFolder::new(arguments.work.clone());
    let repaired =
        pollster::block_on(arguments.run(&exam, &material, &mut stages, &mut bars, &cancel));
    bars.clear();
    arguments.exam.write(&repaired?.report)?;
    stages.clear();
    Ok(())
}

impl Arguments {
    fn material(&self, exam: &Exam) -> Result<RepairMaterial, Failure> {
        let (texts, datasets): (Vec<Dataset>, Vec<Dataset>) =
            exam.datasets.iter().cloned().partition(Dataset::is_text);
        let mut material = match &self.neutral {
            None if self.model.model == bundled::NAME => {
                let [read, judged] = bundled::neutral();
                let name = format!("{}/{}", bundled::NAME, judged.name);
                RepairMaterial {
                    datasets,
                    neutral: read.contents,
                    texts: vec![Dataset::of_text(name, judged.contents)],
                }
            }
            None => {
                let problem =
                    "give neutral text with --neutral: only the bundled model comes with some";
                return Err(Failure::usage(anyhow!(problem)));
            }
            Some(path) => {
                let text = read_text(path)?;
                RepairMaterial::with_neutral(datasets, &text.name, text.contents)
            }
        };
        material.texts.extend(texts);
        Ok(material)
    }

    async fn run(
        &self,
        exam: &Exam,
        material: &RepairMaterial,
        stages: &mut StageFolder,
        bars: &mut Bars,
        cancel: &Cancel,
    ) -> Result<Repaired, Failure> {
        let adapter = self
            .adapter
            .as_deref()
            .map(|path| FolderTarget::new(path, None, self.exam.force()));
        let adapter = adapter.transpose().map_err(LabError::from)?;
        let source = model::source(&self.model.model, bars, cancel)?;
        let target = |path| FolderTarget::new(path, source.path(), self.exam.force());
        let merged = self
            .export
            .as_deref()
            .map(target)
            .transpose()
            .map_err(LabError::from)?;
        let model = model::load(&self.model.model, self.exam.device, bars, cancel).await?;
        let mut show = |progress| bars.show(progress);
        let mut run = Run::new(&mut show, cancel);
        let request = RepairRequest {
            choices: self.training.layers.clone(),
            objectives: self
                .training
                .objective
                .iter()
                .map(|one| one.with_usual_number())
                .collect(),
            count: self.training.count,
            recipe: self.training.recipe(exam.options.confidence.seed),
            locate: layerlab_lab::LocateRequest {
                taps: RepairRequest::default().locate.taps,
                ..self.contrast.request(exam)
            },
        };
        let repaired = repair_layers(&model, material, &request, now(), stages, &mut run).await?;
        self.write(&model, &repaired, [adapter, merged], &mut run)
            .await?;
        Ok(repaired)
    }

    /// Writes the adapter of the best run, alone and merged.
    async fn write(
        &self,
        model: &OpenModel<Source>,
        repaired: &Repaired,
        [adapter, merged]: [Option<FolderTarget>; 2],
        run: &mut Run<'_>,
    ) -> Result<(), Failure> {
        let Some((_, adapters)) = repaired.best() else {
            return Ok(());
        };
        if let Some(mut target) = adapter {
            layerlab_lab::write_adapters(
                adapters,
                model.decoder.spec(),
                &self.model.model,
                &mut target,
            )
            .await
            .map_err(LabError::from)?;
            target.commit().map_err(LabError::from)?;
        }
        if let Some(mut target) = merged {
            if let Some(rounding) = rounding(&rounded(&model.checkpoint)) {
                warn(&rounding);
            }
            export_repaired(model, adapters, &mut target, run).await?;
            target.commit().map_err(LabError::from)?;
        }
        Ok(())
    }
}
