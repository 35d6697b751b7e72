//! Where a report goes, and a page of it.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use layerlab_lab::Report;

use super::{FormatArguments, OutputArguments};
use crate::{Failure, output::Destination};

/// Where a page goes.
#[derive(Args, Clone)]
#[command(next_help_heading = "Output")]
pub struct PageArguments {
    /// Also write a page with charts to this file, readable without a network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl PageArguments {
    /// Where to write.
    pub fn destination(&self, output: &OutputArguments) -> Destination {
        Destination {
            path: self.html.clone(),
            force: output.destination().force,
        }
    }

    /// Refuses a page of a part of an experiment.
    ///
    /// # Errors
    /// When one is wanted.
    pub fn refuse_for_a_part(&self) -> Result<(), Failure> {
        match self.html {
            Some(_) => Err(Failure::usage(anyhow!(
                "--html shows a whole report, and this is a part of one; give it to `layerlab merge`"
            ))),
            None => Ok(()),
        }
    }

    /// Writes the page where one is wanted.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(
        &self,
        destination: &Destination,
        html: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.html {
            Some(_) => destination.write(html()),
            None => Ok(()),
        }
    }
}

/// Everything that a finished report is written to.
#[derive(Args, Clone)]
pub struct ReportArguments {
    #[command(flatten)]
    format: FormatArguments,
    #[command(flatten)]
    output: OutputArguments,
    #[command(flatten)]
    page: PageArguments,
}

impl ReportArguments {
    /// Refuses, before any work is done, what cannot be written.
    ///
    /// # Errors
    /// When a file exists and may not be replaced, or its folder cannot be written to.
    pub fn check(&self) -> Result<(), Failure> {
        self.output.destination().check()?;
        self.page.destination(&self.output).check()
    }

    /// Whether what is written to is replaced.
    pub fn force(&self) -> bool {
        self.output.destination().force
    }

    /// Writes the report.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, report: &Report) -> Result<(), Failure> {
        self.page
            .write(&self.page.destination(&self.output), || report.to_html())?;
        let destination = self.output.destination();
        destination.write(self.format.format(&destination).write(report)?)
    }
}
