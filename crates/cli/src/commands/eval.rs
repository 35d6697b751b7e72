//! `layerlab eval`.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use layerlab_lab::{Run, evaluate_model};

use super::now;
use crate::{
    Failure,
    arguments::{
        ConfidenceArguments, DeviceArguments, FormatArguments, ModelArguments, OutputArguments,
        TaskArguments,
    },
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
    /// A text to take the perplexity of; may be repeated
    #[arg(long = "text", value_name = "FILE")]
    texts: Vec<PathBuf>,
    #[command(flatten)]
    device: DeviceArguments,
    #[command(flatten)]
    tasks: TaskArguments,
    #[command(flatten)]
    confidence: ConfidenceArguments,
    #[command(flatten)]
    format: FormatArguments,
    #[command(flatten)]
    output: OutputArguments,
}

/// Runs it.
///
/// # Errors
/// When the model or a dataset cannot be used, the device fails, the output cannot be written, or the user
/// interrupts.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let destination = arguments.output.destination();
    destination.check()?;
    let confidence = arguments.confidence.confidence();
    let texts: Vec<&PathBuf> = arguments.texts.iter().collect();
    let datasets = arguments.tasks.datasets(&texts, confidence.seed)?;
    if datasets.is_empty() {
        return Err(Failure::usage(anyhow!(
            "there is nothing to ask: give --text or --task"
        )));
    }
    let options = arguments.tasks.options(confidence);
    let cancel = on_interrupt()?;
    let mut bars = Bars::new();
    let report = pollster::block_on(async {
        let (name, device) = (&arguments.model.model, arguments.device.device);
        let model = model::load(name, device, &mut bars, &cancel).await?;
        let mut show = |progress| bars.show(progress);
        let mut run = Run::new(&mut show, &cancel);
        Ok::<_, Failure>(evaluate_model(&model, &datasets, &options, now(), &mut run).await?)
    });
    bars.clear();
    let written = arguments.format.format(&destination).write(&report?)?;
    destination.write(&written)
}
