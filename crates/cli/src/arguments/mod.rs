//! Options that several commands share.

mod plan;
mod scoring;
mod tasks;

pub use plan::BudgetArguments;
pub use scoring::{CutArguments, ScoringArguments};
pub use tasks::{Exam, ExamArguments, TaskArguments};

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use layerlab_atlas::bundled;
use layerlab_lab::{DeviceChoice, Report, metric::Confidence};

use crate::{Failure, output::Destination};

/// Which model, and on what.
#[derive(Args, Clone)]
pub struct ModelArguments {
    /// atlas, which is bundled with its own texts and tasks; or a model folder in Hugging Face layout, or a
    /// Hub id such as owner/name or owner/name@revision
    #[arg(long, value_name = "atlas|DIR|ID", default_value = bundled::NAME)]
    pub model: String,
}

/// Where it is computed.
#[derive(Args, Clone)]
pub struct DeviceArguments {
    /// auto takes a real GPU where there is one and the CPU otherwise; gpu takes any adapter, software
    /// ones too
    #[arg(long, value_name = "auto|gpu|cpu", default_value_t)]
    pub device: DeviceChoice,
}

/// Where results go.
#[derive(Args, Clone)]
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
pub struct FormatArguments {
    /// Write the whole report as JSON (schema layerlab/1)
    #[arg(long)]
    json: bool,
    /// Write Markdown
    #[arg(long)]
    markdown: bool,
    /// Write CSV: a row for each method and layer, or for each model and metric
    #[arg(long)]
    csv: bool,
}

/// The ways of writing a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For reading.
    Table,
    /// For programs.
    Json,
    /// For documents.
    Markdown,
    /// For spreadsheets.
    Csv,
}

impl Format {
    /// The report in this form.
    ///
    /// # Errors
    /// When it cannot be put together, which would be a defect.
    pub fn write(self, report: &Report) -> Result<String, Failure> {
        Ok(match self {
            Self::Table => report.to_table(),
            Self::Markdown => report.to_markdown(),
            Self::Json => report.to_json().map_err(Failure::machine)?,
            Self::Csv => report.to_csv().map_err(Failure::machine)?,
        })
    }
}

impl FormatArguments {
    /// As asked for, else as the output's extension says, else a table.
    pub fn format(&self, destination: &Destination) -> Format {
        let extension = destination.path.as_ref().and_then(|path| path.extension());
        match (self.json, self.markdown, self.csv) {
            (true, _, _) => Format::Json,
            (_, true, _) => Format::Markdown,
            (_, _, true) => Format::Csv,
            _ => match extension.and_then(|extension| extension.to_str()) {
                Some("json") => Format::Json,
                Some("md") => Format::Markdown,
                Some("csv") => Format::Csv,
                _ => Format::Table,
            },
        }
    }
}
