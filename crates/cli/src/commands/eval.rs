//! `layerlab eval`.

use clap::Args;
use layerlab_atlas::bundled;
use layerlab_lab::{Run, evaluate_model};

use super::now;
use crate::{
    Failure,
    arguments::{Exam, ExamArguments, ModelArguments},
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
}

/// Runs it.
///
/// # Errors
/// When the model or a dataset cannot be used, the device fails, the output cannot be written, or the user
/// interrupts.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Exam { datasets, options } = arguments
        .exam
        .exam(&arguments.model.model, bundled::tests)?;
    let device = arguments.exam.device;
    let cancel = on_interrupt()?;
    let mut bars = Bars::new();
    let report = pollster::block_on(async {
        let model = model::load(&arguments.model.model, device, &mut bars, &cancel).await?;
        let mut show = |progress| bars.show(progress);
        let mut run = Run::new(&mut show, &cancel);
        Ok::<_, Failure>(evaluate_model(&model, &datasets, &options, now(), &mut run).await?)
    });
    bars.clear();
    arguments.exam.write(&report?)
}
