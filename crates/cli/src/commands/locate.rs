//! `layerlab locate`.

use std::collections::BTreeSet;

use clap::Args;
use layerlab_atlas::bundled;
use layerlab_lab::{
    ContrastOptions, Epsilon, Estimator, LocateRequest, MarginChange, MineOptions, Run, Tap,
    locate_layers, locate_shard,
};

use super::now;
use crate::{
    Failure,
    arguments::{
        Exam, ExamArguments, Found, ModelArguments, ShardArguments, WORTH_SECONDS, Wanted,
    },
    model,
    output::warn,
    progress::{Bars, on_interrupt},
};

/// Find the layers that tell hallucinated answers from factual ones
#[derive(Args)]
#[command(after_help = "\
A dataset has pairs of a right and a wrong answer (HaluEval's and TruthfulQA's forms, or any questions with choices). Where \
it has questions and right answers only, the model's own confident wrong answers are mined.

Examples:
  layerlab locate
  layerlab locate --model path/to/model --task halueval_qa.jsonl --tap output --tap mlp --json
  layerlab locate --model path/to/model --task truthfulqa_mc.json --items all --margin-change --html located.html")]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    exam: ExamArguments,
    #[command(flatten)]
    contrast: ContrastArguments,
    /// Whether to measure the margin of right answers over wrong ones without each layer, which takes about half as many passes of
    /// all answers as there are layers: auto does where it takes under a minute
    #[arg(
        long,
        value_enum,
        default_value_t,
        default_missing_value = "always",
        num_args = 0..=1,
        help_heading = "Contrast"
    )]
    margin_change: Wanted,
    #[command(flatten)]
    shard: ShardArguments,
}

/// How layers are told apart
#[derive(Args)]
#[command(next_help_heading = "Contrast")]
pub struct ContrastArguments {
    /// Where activations are read; may be repeated [default: output, update]
    #[arg(long = "tap", value_name = "TAP")]
    taps: Vec<Tap>,
    /// How variance is estimated: pooled, element or channel
    #[arg(long, default_value_t = ContrastOptions::default().estimator)]
    estimator: Estimator,
    /// Sparsity threshold: absolute, or rel:SHARE of the RMS
    #[arg(long, default_value_t = ContrastOptions::default().epsilon)]
    epsilon: Epsilon,
    /// Confidence above which a wrong answer of the model counts, where pairs are mined
    #[arg(long, value_name = "P", default_value_t = MineOptions::default().min_confidence)]
    min_confidence: f64,
}

impl ContrastArguments {
    /// What is asked for, with the intervals and templates of an examination.
    pub fn request(&self, exam: &Exam) -> LocateRequest {
        let taps: BTreeSet<Tap> = self.taps.iter().copied().collect();
        let default = LocateRequest::default();
        let confidence = exam.options.confidence;
        LocateRequest {
            contrast: ContrastOptions {
                estimator: self.estimator,
                epsilon: self.epsilon,
                resamples: confidence.resamples,
                confidence: confidence.level,
                seed: confidence.seed,
                ..default.contrast.clone()
            },
            taps: match taps.is_empty() {
                true => default.taps,
                false => taps,
            },
            eval: exam.options.clone(),
            mining: MineOptions {
                min_confidence: self.min_confidence,
            },
            ..default
        }
    }
}

/// Runs it.
///
/// # Errors
/// When the model or a dataset cannot be used, the device fails, the output cannot be written, or the user
/// interrupts.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let own = bundled::pairs;
    let exam = arguments
        .exam
        .exam_in_shards(&arguments.model.model, own, &arguments.shard)?;
    let (exam, wanted) = exam;
    if wanted.is_some() {
        arguments.margin_change.refuse_auto("--margin-change")?;
    }
    let request = LocateRequest {
        margin_change: match arguments.margin_change {
            Wanted::Always => MarginChange::Always,
            Wanted::Never => MarginChange::Never,
            Wanted::Auto => MarginChange::Within {
                seconds: WORTH_SECONDS,
            },
        },
        ..arguments.contrast.request(&exam)
    };
    let device = arguments.exam.device;
    let cancel = on_interrupt()?;
    let mut bars = Bars::new();
    let found = pollster::block_on(async {
        let model = model::load(&arguments.model.model, device, &mut bars, &cancel).await?;
        let mut show = |progress| bars.show(progress);
        let mut run = Run::new(&mut show, &cancel);
        let datasets = &exam.datasets;
        Ok::<_, Failure>(match wanted {
            None => Found::All(Box::new(
                locate_layers(&model, datasets, &request, now(), &mut run).await?,
            )),
            Some(wanted) => {
                let task = wanted.task(now());
                let part = locate_shard(&model, datasets, &request, task, &mut run).await?;
                Found::Part(Box::new(wanted), part.map(Box::new))
            }
        })
    });
    bars.clear();
    found?.write(|report| {
        let datasets = report.hallucination.iter();
        let mut datasets = datasets.flat_map(|found| &found.datasets);
        if arguments.margin_change == Wanted::Auto
            && datasets.any(|dataset| dataset.margins.is_none())
        {
            warn(
                "the margin of right answers over wrong ones was not measured without each layer, which would take over a minute; \
                 --margin-change measures it",
            );
        }
        arguments.exam.write(report)
    })
}
