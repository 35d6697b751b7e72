//! `layerlab eval`.

use std::path::PathBuf;

use clap::Args;
use layerlab_atlas::bundled;
use layerlab_lab::{Run, evaluate_model, evaluate_shard};

use super::{harness, now};
use crate::{
    Failure,
    arguments::{Exam, ExamArguments, Found, ModelArguments, ShardArguments},
    model,
    progress::{Bars, on_interrupt},
};

/// Measure what a model can do
#[derive(Args)]
#[command(after_help = "\
Examples:
  layerlab eval --model path/to/model --text held-out.txt --stride 128
  layerlab eval --model owner/name --task truthfulqa_mc.json --task questions.jsonl --items all --json")]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    exam: ExamArguments,
    #[command(flatten)]
    shard: ShardArguments,
    /// Also write the results into this folder in the layout of lm-evaluation-harness: results_DATE.json and samples_TASK_DATE.jsonl
    #[arg(
        long,
        value_name = "DIR",
        help_heading = "Output",
        conflicts_with = "shard"
    )]
    lm_eval: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// When the model or a dataset cannot be used, the device fails, the output cannot be written, or the user
/// interrupts.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let own = bundled::tests;
    let exam = arguments
        .exam
        .exam_in_shards(&arguments.model.model, own, &arguments.shard)?;
    let (Exam { datasets, options }, wanted) = exam;
    let device = arguments.exam.device;
    let cancel = on_interrupt()?;
    let mut bars = Bars::new();
    let found = pollster::block_on(async {
        let model = model::load(&arguments.model.model, device, &mut bars, &cancel).await?;
        let mut show = |progress| bars.show(progress);
        let mut run = Run::new(&mut show, &cancel);
        Ok::<_, Failure>(match wanted {
            None => Found::All(Box::new(
                evaluate_model(&model, &datasets, &options, now(), &mut run).await?,
            )),
            Some(wanted) => {
                let task = wanted.task(now());
                let part = evaluate_shard(&model, &datasets, &options, task, &mut run).await?;
                Found::Part(Box::new(wanted), part.map(Box::new))
            }
        })
    });
    bars.clear();
    found?.write(|report| {
        if let Some(folder) = &arguments.lm_eval {
            harness::write(report, folder)?;
        }
        arguments.exam.write(report)
    })
}
