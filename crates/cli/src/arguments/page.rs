//! A report as a page.

use std::path::PathBuf;

use clap::Args;
use layerlab_lab::Report;

use super::OutputArguments;
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

    /// Writes the page where one is wanted.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, destination: &Destination, report: &Report) -> Result<(), Failure> {
        match self.html {
            Some(_) => destination.write(report.to_html()),
            None => Ok(()),
        }
    }
}
