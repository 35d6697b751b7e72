//! `layerlab score`.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use layerlab_lab::{
    Cancel, Epsilon, Estimator, LabError, Report, Run, ScoreOptions, ScoreRequest, Tap, Text,
    TextOptions, score_layers,
};

use crate::{
    Failure,
    arguments::{DeviceArguments, Format, FormatArguments, ModelArguments, OutputArguments},
    model,
    progress::{Bars, on_interrupt},
};

/// Score every layer by every method
#[derive(Args)]
#[command(after_help = "\
Examples:
  layerlab score --model path/to/model --text notes.txt
  layerlab score --model owner/name --text notes.txt --device gpu --json --output report.json
  layerlab score --model path/to/model --text notes.txt --recipe authors --resamples 0")]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Calibration text, UTF-8; - reads the standard input
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    #[command(flatten)]
    device: DeviceArguments,
    #[command(flatten)]
    method: MethodArguments,
    #[command(flatten)]
    cut: CutArguments,
    #[command(flatten)]
    format: FormatArguments,
    #[command(flatten)]
    output: OutputArguments,
}

/// How layers are scored
#[derive(Args)]
#[command(next_help_heading = "Method")]
struct MethodArguments {
    /// What AVSS is made of where nothing else is said: our defaults, or what its authors' code does
    /// (pooled variance, ε 1e-5, output tap)
    #[arg(long, value_enum, default_value_t = Recipe::Layerlab)]
    recipe: Recipe,
    /// Estimator of the activation variance: pooled, element or channel
    #[arg(long)]
    estimator: Option<Estimator>,
    /// Sparsity threshold of AVSS: absolute, such as 1e-5, or a share of the layer's RMS, such as rel:0.05
    #[arg(long, value_name = "ε")]
    epsilon: Option<Epsilon>,
    /// Where AVSS reads the block: input, output, update, attention, mlp or neurons
    #[arg(long)]
    tap: Option<Tap>,
    /// Further taps whose statistics go into the report
    #[arg(long, value_name = "TAP,…", value_delimiter = ',')]
    extra_taps: Vec<Tap>,
    /// Also compare hidden states N blocks apart (angular distance of N); may be repeated
    #[arg(long = "span", value_name = "N", value_delimiter = ',')]
    spans: Vec<usize>,
    /// How many layers count as the lowest; a quarter, rounded to the nearest, if not given
    #[arg(long, value_name = "K")]
    lowest: Option<usize>,
    /// Bootstrap resamples; 0 for none
    #[arg(long, value_name = "N", default_value_t = 1000)]
    resamples: usize,
    /// Confidence level of intervals
    #[arg(long, value_name = "P", default_value_t = 0.95)]
    confidence: f64,
    /// Seed of the bootstrap
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// How the text is cut
#[derive(Args)]
#[command(next_help_heading = "Text")]
struct CutArguments {
    /// Tokens per sequence, BOS included; the model's context but at most 256 if not given
    #[arg(long, value_name = "N")]
    sequence_length: Option<usize>,
    /// Sequences at most
    #[arg(long, value_name = "N", default_value_t = 64)]
    max_sequences: usize,
    /// Sequences per forward pass
    #[arg(long, value_name = "N", default_value_t = 4)]
    batch: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Recipe {
    Layerlab,
    Authors,
}

/// Runs it.
///
/// # Errors
/// When the model or the text cannot be used, the device fails, the output cannot be written, or the
/// user interrupts.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let destination = arguments.output.destination();
    destination.check()?;
    let contents = read_text(&arguments.text)?;
    let cancel = on_interrupt()?;
    let mut bars = Bars::new();
    let report = pollster::block_on(arguments.score(&contents, &mut bars, &cancel));
    bars.clear();
    let report = report?;
    let written = match arguments.format.format(&destination) {
        Format::Table => report.to_table(),
        Format::Markdown => report.to_markdown(),
        Format::Json => report.to_json().map_err(Failure::machine)?,
        Format::Csv => report.to_csv().map_err(Failure::machine)?,
    };
    destination.write(&written)
}

impl Arguments {
    async fn score(
        &self,
        contents: &str,
        bars: &mut Bars,
        cancel: &Cancel,
    ) -> Result<Report, Failure> {
        let model = model::load(&self.model.model, self.device.device, bars, cancel).await?;
        let text = Text::new(
            self.text.display().to_string(),
            contents,
            &model.tokenizer,
            model.decoder.spec().context,
            TextOptions {
                sequence_length: self.cut.sequence_length,
                max_sequences: self.cut.max_sequences,
            },
        )
        .map_err(LabError::from)?;
        let created = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let mut show = |progress| bars.show(progress);
        let mut run = Run::new(&mut show, cancel);
        Ok(score_layers(&model, &text, &self.request(), created, &mut run).await?)
    }

    fn request(&self) -> ScoreRequest {
        let method = &self.method;
        let recipe = match method.recipe {
            Recipe::Layerlab => ScoreOptions::default(),
            Recipe::Authors => ScoreOptions::authors(),
        };
        ScoreRequest {
            score: ScoreOptions {
                estimator: method.estimator.unwrap_or(recipe.estimator),
                epsilon: method.epsilon.unwrap_or(recipe.epsilon),
                tap: method.tap.unwrap_or(recipe.tap),
                resamples: method.resamples,
                confidence: method.confidence,
                lowest: method.lowest,
                seed: method.seed,
                ..recipe
            },
            extra_taps: method.extra_taps.iter().copied().collect(),
            // The span of 1 carries Block Influence and is always taken.
            spans: [1]
                .into_iter()
                .chain(method.spans.iter().copied())
                .collect(),
            batch: self.cut.batch,
        }
    }
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let read = match path == Path::new("-") {
        true => {
            let mut contents = Vec::new();
            io::stdin().read_to_end(&mut contents).map(|_| contents)
        }
        false => fs::read(path),
    };
    let bytes = read
        .with_context(|| format!("cannot read the text {}", path.display()))
        .map_err(Failure::input)?;
    String::from_utf8(bytes)
        .with_context(|| format!("the text {} is not UTF-8", path.display()))
        .map_err(Failure::input)
}
