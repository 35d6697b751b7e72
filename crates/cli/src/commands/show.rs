//! `layerlab show`.

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Args;
use layerlab_lab::Report;

use crate::{Failure, arguments::ReportArguments};

/// Show a report that was saved as JSON, in any form
#[derive(Args)]
#[command(after_help = "\
Examples:
  layerlab show report.json --full
  layerlab show report.json --html report.html --markdown --output report.md")]
pub struct Arguments {
    /// The report, as --json writes it
    #[arg(value_name = "REPORT")]
    report: PathBuf,
    #[command(flatten)]
    written: ReportArguments,
}

/// Runs it.
///
/// # Errors
/// When the file holds no report of this version, or the output cannot be written.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.written.check()?;
    let name = arguments.report.display();
    let contents = fs::read(&arguments.report)
        .with_context(|| format!("cannot read {name}"))
        .map_err(Failure::input)?;
    let report: Report = serde_json::from_slice(&contents)
        .with_context(|| format!("{name} holds no report"))
        .map_err(Failure::input)?;
    arguments.written.write(&report)
}
