//! Options that several commands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use layerlab_lab::DeviceChoice;

use crate::output::Destination;

/// Which model, and on what.
#[derive(Args)]
pub struct ModelArguments {
    /// A model folder in Hugging Face layout, or a Hub id such as owner/name or owner/name@revision
    #[arg(long, value_name = "DIR|ID")]
    pub model: String,
}

/// Where it is computed.
#[derive(Args)]
pub struct DeviceArguments {
    /// auto takes a real GPU where there is one and the CPU otherwise; gpu takes any adapter, software
    /// ones too
    #[arg(long, value_name = "auto|gpu|cpu", default_value_t)]
    pub device: DeviceChoice,
}

/// Where results go.
#[derive(Args)]
pub struct OutputArguments {
    /// Write to this file instead of the terminal
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the output file if it exists
    #[arg(long, requires = "output")]
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

/// How a report is written.
#[derive(Args)]
#[group(multiple = false)]
pub struct FormatArguments {
    /// Write the whole report as JSON (schema layerlab/1)
    #[arg(long)]
    json: bool,
    /// Write Markdown
    #[arg(long)]
    markdown: bool,
    /// Write one CSV row for each method and layer
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
