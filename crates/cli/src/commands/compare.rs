//! `layerlab compare`.

use std::path::Path;

use anyhow::anyhow;
use clap::Args;
use layerlab_atlas::bundled;
use layerlab_lab::{Run, compare_models, evaluate_model, report::HarnessViews};

use super::{harness, now};
use crate::{
    Failure,
    arguments::{Exam, ExamArguments, ModelArguments},
    model,
    progress::{Bars, on_interrupt},
};

/// Ask two models the same and compare them item by item; or compare two runs of lm-evaluation-harness
#[derive(Args)]
#[command(after_help = "\
Examples:
  layerlab compare path/to/model path/to/pruned --text held-out.txt
  layerlab compare owner/name path/to/pruned --task truthfulqa_mc.json --json
  layerlab compare results/whole results/pruned      # folders that lm_eval --log_samples wrote")]
pub struct Arguments {
    /// The two models, as with --model and --with; or two folders of samples_TASK_DATE.jsonl, which are compared without asking any
    /// model
    #[arg(value_name = "DIR|ID", num_args = 2, conflicts_with_all = ["model", "with"])]
    plain: Vec<String>,
    #[command(flatten)]
    model: ModelArguments,
    /// The other model, a folder or a Hub id
    #[arg(long, value_name = "DIR|ID", required_unless_present = "plain")]
    with: Option<String>,
    #[command(flatten)]
    exam: ExamArguments,
}

/// Runs it. One model is on the device at a time.
///
/// # Errors
/// When a model or a dataset cannot be used, the device fails, the output cannot be written, or the user
/// interrupts.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let [one, other] = match arguments.plain.as_slice() {
        [one, other] => [one.as_str(), other.as_str()],
        _ => [
            arguments.model.model.as_str(),
            arguments.with.as_deref().unwrap_or_default(),
        ],
    };
    let runs = [one, other].map(Path::new);
    match runs.map(harness::is_run) {
        [true, true] => {
            let confidence = arguments.exam.confidence_alone()?;
            let compared = harness::compared(runs, &confidence)?;
            return arguments.exam.write_as(
                |format| harness::written(&compared, format),
                || compared.to_html(),
            );
        }
        [false, false] => {}
        _ => {
            return Err(Failure::usage(anyhow!(
                "one of the two is a run of lm-evaluation-harness and the other is not; compare two runs, or two models"
            )));
        }
    }
    let Exam { datasets, options } = arguments.exam.exam(one, bundled::tests)?;
    let device = arguments.exam.device;
    let cancel = on_interrupt()?;
    let mut bars = Bars::new();
    let report = pollster::block_on(async {
        let first = model::load(one, device, &mut bars, &cancel).await?;
        let mut show = |progress| bars.show(progress);
        let mut run = Run::new(&mut show, &cancel);
        let report = evaluate_model(&first, &datasets, &options, now(), &mut run).await?;
        drop(first);
        let second = model::load(other, device, &mut bars, &cancel).await?;
        let mut show = |progress| bars.show(progress);
        let mut run = Run::new(&mut show, &cancel);
        Ok::<_, Failure>(compare_models(report, &second, &datasets, &options, &mut run).await?)
    });
    bars.clear();
    arguments.exam.write(&report?)
}
