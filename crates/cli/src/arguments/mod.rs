//! Options that several commands share.

mod chat;
mod heal;
mod layers;
mod on;
mod page;
mod plan;
mod scoring;
mod shard;
mod tasks;
mod wanted;

pub use chat::ChatArguments;
pub use heal::{DistilArguments, HealArguments};
pub use layers::{Layers, all as all_layers};
pub use on::answers;
pub use page::{PageArguments, ReportArguments};
pub use plan::{BudgetArguments, Schedules};
pub use scoring::{CutArguments, ScoringArguments};
pub use shard::{Found, ShardArguments, WantedShard, read_shard};
pub use tasks::{Exam, ExamArguments, JudgedTexts, TaskArguments};
pub use wanted::{WORTH_SECONDS, Wanted};

use std::path::PathBuf;

use clap::Args;
use layerlab_atlas::bundled;
use layerlab_lab::{DeviceChoice, Report, WeightFormat, metric::Confidence, report::Detail};

use crate::{
    Failure,
    output::{self, Destination},
};

/// Which model, and on what.
#[derive(Args, Clone)]
pub struct ModelArguments {
    /// atlas, which is bundled with its own texts and tasks; or a model folder in Hugging Face layout, a
    /// GGUF file, or a Hub id such as owner/name, owner/name@revision or owner/name:file.gguf
    #[arg(long, value_name = "atlas|DIR|FILE|ID", default_value = bundled::NAME)]
    pub model: String,
}

/// Which model, named with or without the option
#[derive(Args, Clone)]
pub struct PlainModelArguments {
    /// The model, as with --model
    #[arg(value_name = "DIR|ID", conflicts_with = "model")]
    plain: Option<String>,
    #[command(flatten)]
    model: ModelArguments,
}

impl PlainModelArguments {
    /// The model.
    pub fn model(&self) -> &str {
        self.plain.as_deref().unwrap_or(&self.model.model)
    }
}

/// Where it is computed, and on what.
#[derive(Args, Clone, Copy)]
pub struct DeviceArguments {
    /// auto takes a real GPU where there is one and the CPU otherwise; gpu takes any adapter, software
    /// ones too
    #[arg(long, value_name = "auto|gpu|cpu", default_value_t)]
    pub device: DeviceChoice,
    /// How weights are held: stored keeps those of two bytes (f16, bf16) and, on the CPU, GGUF's blocks as they are in the file;
    /// f32 takes up to eight times the memory for them
    #[arg(long, value_name = "stored|f32", value_parser = parse_weights, default_value = "stored")]
    pub weights: WeightFormat,
}

fn parse_weights(text: &str) -> Result<WeightFormat, String> {
    match text {
        "stored" => Ok(WeightFormat::Stored),
        "f32" => Ok(WeightFormat::F32),
        _ => Err("expected stored or f32".into()),
    }
}

/// Where results go.
#[derive(Args, Clone)]
#[command(next_help_heading = "Output")]
pub struct OutputArguments {
    /// Write to this file instead of the terminal
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace what is written to if it exists
    #[arg(long)]
    force: bool,
}

impl OutputArguments {
    /// Where to write.
    pub fn destination(&self) -> Destination {
        Destination {
            path: self.output.clone(),
            force: self.force,
        }
    }
}

/// How intervals are found
#[derive(Args, Clone)]
#[command(next_help_heading = "Intervals")]
pub struct ConfidenceArguments {
    /// Bootstrap resamples; 0 for none
    #[arg(long, value_name = "N", default_value_t = 1000)]
    resamples: usize,
    /// Confidence level of intervals
    #[arg(long, value_name = "P", default_value_t = 0.95)]
    confidence: f64,
    /// Seed of everything that is drawn at random
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

impl ConfidenceArguments {
    /// How intervals are found.
    pub fn confidence(&self) -> Confidence {
        Confidence {
            level: self.confidence,
            resamples: self.resamples,
            seed: self.seed,
        }
    }
}

/// How a report is written.
#[derive(Args, Clone)]
#[group(multiple = false)]
#[command(next_help_heading = "Output")]
pub struct FormatArguments {
    /// Show all tables, not only one screen
    #[arg(long)]
    full: bool,
    /// Write the whole report as JSON (schema layerlab/1)
    #[arg(long)]
    json: bool,
    /// Write Markdown
    #[arg(long)]
    markdown: bool,
    /// Write CSV: a row for each figure, whose section its first column names
    #[arg(long)]
    csv: bool,
}

/// The ways of writing a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a terminal, of one screen or whole.
    Text(Detail),
    /// For programs.
    Json,
    /// For documents.
    Markdown,
    /// For spreadsheets.
    Csv,
}

impl Format {
    /// Whether it is a text that leaves most out.
    pub fn is_brief(self) -> bool {
        self == Self::Text(Detail::Brief)
    }

    /// The report in this form.
    ///
    /// # Errors
    /// When it cannot be put together, which would be a defect.
    pub fn write(self, report: &Report) -> Result<String, Failure> {
        Ok(match self {
            Self::Text(detail) => report.to_terminal(detail, output::width()),
            Self::Markdown => report.to_markdown(),
            Self::Json => report.to_json().map_err(Failure::machine)?,
            Self::Csv => report.to_csv().map_err(Failure::machine)?,
        })
    }
}

impl FormatArguments {
    /// As asked for, else as the output's extension says, else a text: in a file whole, on a terminal of one screen.
    pub fn format(&self, destination: &Destination) -> Format {
        let extension = destination.path.as_ref().and_then(|path| path.extension());
        let detail = match self.full || destination.path.is_some() {
            true => Detail::Full,
            false => Detail::Brief,
        };
        match (self.json, self.markdown, self.csv) {
            (true, _, _) => Format::Json,
            (_, true, _) => Format::Markdown,
            (_, _, true) => Format::Csv,
            _ => match extension.and_then(|extension| extension.to_str()) {
                Some("json") => Format::Json,
                Some("md") => Format::Markdown,
                Some("csv") => Format::Csv,
                _ => Format::Text(detail),
            },
        }
    }
}
