//! Progress bars on a terminal, and Ctrl-C.

use std::{
    io::{self, Write},
    mem::{Discriminant, discriminant},
    process,
};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use layerlab_lab::{Cancel, Progress, files::hub::DownloadProgress};
use serde::Serialize;

use crate::{
    Failure,
    failure::INTERRUPTED,
    memory,
    output::{is_for_programs, is_quiet},
};

/// Files that are mapped into memory come at no speed that would mean anything.
const BYTES: &str = "{msg:10} {wide_bar} {decimal_bytes}/{decimal_total_bytes} ETA {eta}";
const DOWNLOAD: &str =
    "{msg:10} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} ETA {eta}";
const SEQUENCES: &str = "{msg:10} {wide_bar} {pos}/{len} sequences ETA {eta}";
const STEPS: &str = "{msg:24} {wide_bar} {pos}/{len} ETA {eta}";
const SPINNER: &str = "{msg:10} {spinner}";

/// What a run has to show. Bars appear only where stderr is a terminal, and leave nothing behind.
#[derive(Debug)]
pub struct Bars {
    bar: ProgressBar,
    message: String,
    stage: Option<Discriminant<Progress>>,
}

impl Bars {
    /// Nothing shown yet.
    pub fn new() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            message: String::new(),
            stage: None,
        }
    }

    /// Shows a step of an experiment. With the first of each stage, what the one before needed for itself is given back.
    pub fn show(&mut self, progress: Progress) {
        let stage = Some(discriminant(&progress));
        if self.stage != stage {
            self.stage = stage;
            memory::give_back();
        }
        if is_for_programs() {
            return tell(&progress);
        }
        match progress {
            Progress::Loading { bytes, total } => self.set("loading", BYTES, bytes, total),
            Progress::Measuring { sequences, total } => {
                self.set("measuring", SEQUENCES, sequences as u64, total as u64);
            }
            Progress::Scoring => self.set("scoring", SPINNER, 0, 0),
            Progress::LeavingOut { done, total } => {
                self.set("leaving layers out", STEPS, done as u64, total as u64);
            }
            Progress::Evaluating {
                models,
                of,
                done,
                total,
            } => {
                let message = match of {
                    1 => "asking".to_owned(),
                    of => format!("asking model {} of {of}", models + 1),
                };
                self.set(&message, STEPS, done as u64, total as u64);
            }
            Progress::Continuing { done, total } => {
                self.set("continuing prompts", STEPS, done as u64, total as u64);
            }
            Progress::Tuning {
                runs,
                of,
                total,
                record,
            } => {
                let message = numbered("training", runs, of);
                self.set(&message, STEPS, record.step as u64 + 1, total as u64);
            }
            Progress::Healing {
                models,
                of,
                done,
                total,
            } => {
                let message = numbered("healing", models, of);
                self.set(&message, STEPS, done as u64, total as u64);
            }
            Progress::Distilling {
                models,
                of,
                total,
                record,
            } => {
                let message = numbered("distilling", models, of);
                self.set(&message, STEPS, record.step as u64 + 1, total as u64);
            }
            Progress::Checking { .. } | Progress::CheckingDistilled { .. } => {}
            Progress::Exporting { bytes, total } => self.set("writing", BYTES, bytes, total),
            Progress::Hashing => self.set("hashing", SPINNER, 0, 0),
        }
    }

    /// Shows how a file comes from the Hub. What has come stays for the next try, so that Ctrl-C may
    /// end the program here and now.
    pub fn download(&mut self, progress: &DownloadProgress, cancel: &Cancel) {
        if cancel.is_cancelled() {
            self.clear();
            process::exit(INTERRUPTED.into());
        }
        if is_for_programs() {
            return tell(&Download {
                stage: "downloading",
                file: &progress.file,
                bytes: progress.bytes,
                total: progress.total,
            });
        }
        self.set(&progress.file, DOWNLOAD, progress.bytes, progress.total);
    }

    /// Takes the bar away.
    pub fn clear(&mut self) {
        self.bar.finish_and_clear();
    }

    fn set(&mut self, message: &str, template: &str, position: u64, length: u64) {
        if is_quiet() {
            return;
        }
        if self.message != message {
            self.bar.finish_and_clear();
            self.bar = ProgressBar::new(length);
            let style = ProgressStyle::with_template(template);
            self.bar
                .set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            self.bar.set_message(message.to_owned());
            message.clone_into(&mut self.message);
        }
        self.bar.set_length(length);
        self.bar.set_position(position);
    }
}

/// How far a download has come, as programs are told.
#[derive(Serialize)]
struct Download<'a> {
    stage: &'static str,
    file: &'a str,
    bytes: u64,
    total: u64,
}

/// Tells a program how far a run has come. One that no longer listens stops nothing.
fn tell(progress: &impl Serialize) {
    if let (Ok(line), false) = (serde_json::to_string(progress), is_quiet()) {
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}

/// What is done, and to which of several.
fn numbered(what: &str, done: usize, of: usize) -> String {
    match of {
        1 => what.to_owned(),
        of => format!("{what} {} of {of}", done + 1),
    }
}

/// The first Ctrl-C asks the run to stop at its next step, the second ends the program.
///
/// # Errors
/// When the system gives no handler.
pub fn on_interrupt() -> Result<Cancel, Failure> {
    let cancel = Cancel::default();
    let asked = cancel.clone();
    ctrlc::set_handler(move || {
        if asked.is_cancelled() {
            process::exit(INTERRUPTED.into());
        }
        asked.cancel();
    })
    .context("cannot listen for Ctrl-C")
    .map_err(Failure::machine)?;
    Ok(cancel)
}
