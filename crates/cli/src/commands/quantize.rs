//! `layerlab quantize`.

use std::path::PathBuf;

use clap::Args;
use layerlab_lab::{Cancel, Dataset, QuantizationReport, Report, Run, quantize_layers};

use super::{export::LikeArguments, now};
use crate::{
    Failure,
    arguments::{
        ConfidenceArguments, CutArguments, DeviceArguments, JudgedTexts, ModelArguments,
        ReportArguments, TaskArguments,
    },
    input::{NamedText, calibration},
    model,
    output::Destination,
    progress::{Bars, on_interrupt},
};

/// Measure what each layer loses in few bits, hand out bits by that, and judge it beside the same bits for every layer
#[derive(Args)]
#[command(after_help = "\
The loss is measured with one layer at a time in Q4_0. Layers then have Q4_0, Q5_0 or Q8_0 by what they lose, so that the model is
no larger than with Q5_0 throughout. Embedding and head are Q8_0 in all models that are compared.

Examples:
  layerlab quantize --model path/to/model --text notes.txt --eval-text held-out.txt --tensor-types types.txt
  layerlab quantize --model path/to/model --text notes.txt --eval-text held-out.txt --gguf model.gguf
  llama-quantize --tensor-type-file types.txt model-f16.gguf model.gguf Q5_0       # llama.cpp makes the same file")]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Text that the loss is measured on, UTF-8; - reads the standard input; a general one of the lab's if not given; atlas has its
    /// own
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// The text that perplexity is taken of; the same if not given, or with the general one other pieces like it
    #[arg(long, value_name = "FILE")]
    eval_text: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArguments,
    #[command(flatten)]
    cut: CutArguments,
    #[command(flatten)]
    tasks: TaskArguments,
    #[command(flatten)]
    confidence: ConfidenceArguments,
    /// Write the types of all layers to this file, as llama.cpp's `llama-quantize --tensor-type-file` reads them
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    tensor_types: Option<PathBuf>,
    /// Write the model in these types as a GGUF file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    gguf: Option<PathBuf>,
    #[command(flatten)]
    like: LikeArguments,
    #[command(flatten)]
    report: ReportArguments,
}

/// Runs it.
///
/// # Errors
/// When the model, a text or a dataset cannot be used, the device fails, an output cannot be written, or the user interrupts.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.report.check()?;
    let types = arguments.destination(&arguments.tensor_types);
    let gguf = arguments.destination(&arguments.gguf);
    types.check()?;
    gguf.check()?;
    let text = calibration(arguments.text.as_deref(), &arguments.model.model)?;
    let texts = JudgedTexts {
        model: &arguments.model.model,
        calibration: arguments.text.as_deref(),
        held_out: arguments.eval_text.as_deref(),
    };
    let seed = arguments.confidence.confidence().seed;
    let datasets = arguments.tasks.judged_on(texts, &text, seed)?;
    let cancel = on_interrupt()?;
    let mut bars = Bars::new();
    let found = pollster::block_on(arguments.quantize(text, &datasets, &gguf, &mut bars, &cancel));
    bars.clear();
    let report = found?;
    if let (Some(_), Some(found)) = (&types.path, &report.quantization) {
        types.write(found.tensor_type_file())?;
    }
    arguments.report.write(&report)
}

impl Arguments {
    fn destination(&self, path: &Option<PathBuf>) -> Destination {
        Destination {
            path: path.clone(),
            force: self.report.force(),
        }
    }

    async fn quantize(
        &self,
        text: NamedText,
        datasets: &[Dataset],
        gguf: &Destination,
        bars: &mut Bars,
        cancel: &Cancel,
    ) -> Result<Report, Failure> {
        let model = model::load(&self.model.model, self.device, bars, cancel).await?;
        let text = self.cut.text(&text, &model)?;
        let options = self.tasks.options(self.confidence.confidence());
        let mut show = |progress| bars.show(progress);
        let mut run = Run::new(&mut show, cancel);
        let batch = self.cut.batch;
        let report = quantize_layers(&model, &text, batch, datasets, &options, now(), &mut run);
        let report = report.await?;
        let types = report.quantization.as_ref();
        if let (Some(_), Some(types)) = (&gguf.path, types.map(QuantizationReport::tensor_types)) {
            self.like
                .write(&model.checkpoint, &types, gguf, bars, cancel)
                .await?;
        }
        Ok(report)
    }
}
