//! What loss change is measured on.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use layerlab_lab::{
    Dataset, EvalOptions, LabError, OpenModel, TaskAnswers,
    dataset::{Fields, ReadOptions},
};

use super::tasks::DEFAULT_ITEMS;
use crate::{Failure, input::read_dataset};

/// The word for the tasks that models are judged by.
const JUDGED: &str = "task";

/// What loss change is measured on
#[derive(Args, Clone)]
pub struct OnArguments {
    /// Measure loss change on the right answers of this task, as in --task, in place of the calibration text; `task` stands for those
    /// of --task, where a command has it; may be repeated
    #[arg(long, value_name = "TASK")]
    on: Vec<PathBuf>,
    /// Which fields of the files of --on are what, as --fields of `eval` has it
    #[arg(
        long,
        value_name = "ROLE=FIELD[+FIELD…],…",
        default_value = "",
        hide_default_value = true,
        requires = "on"
    )]
    on_fields: Fields,
}

impl OnArguments {
    /// Whether anything is named.
    pub fn is_empty(&self) -> bool {
        self.on.is_empty()
    }

    /// Refuses what would not be read, since loss change is not `measured`.
    ///
    /// # Errors
    /// When something is named and it is not.
    pub fn check(&self, measured: bool) -> Result<(), Failure> {
        match measured || self.is_empty() {
            true => Ok(()),
            false => Err(Failure::usage(anyhow!(
                "--on says what loss change is measured on, and loss change is not measured: leave --on out, or let it be measured"
            ))),
        }
    }

    /// The datasets named, `judged` among them where they are.
    ///
    /// # Errors
    /// When one cannot be read, or there are no judged tasks.
    pub fn datasets(&self, judged: &[Dataset], seed: u64) -> Result<Vec<Dataset>, Failure> {
        let mut found = Vec::new();
        for task in &self.on {
            if task == Path::new(JUDGED) {
                let tasks = judged.iter().filter(|dataset| !dataset.is_text());
                let before = found.len();
                found.extend(tasks.cloned());
                if found.len() == before {
                    return Err(Failure::usage(anyhow!(
                        "--on {JUDGED}: there is no --task; name one, or a file whose right answers are to be measured (a file of that \
                         name is ./{JUDGED})"
                    )));
                }
                continue;
            }
            let options = ReadOptions {
                fields: self.on_fields.clone(),
                ..ReadOptions::default()
            };
            let dataset = read_dataset(task, &options)?;
            found.push(dataset.sample(DEFAULT_ITEMS, seed));
        }
        Ok(found)
    }
}

/// The right answers of `datasets` as the model reads them; none where there are no datasets.
///
/// # Errors
/// When a dataset has no questions, or an answer does not fit the model.
pub fn answers<F>(
    datasets: &[Dataset],
    model: &OpenModel<F>,
    options: &EvalOptions,
) -> Result<Option<TaskAnswers>, LabError> {
    if datasets.is_empty() {
        return Ok(None);
    }
    let context = model.decoder.spec().context;
    TaskAnswers::of(datasets, &model.tokenizer, context, options).map(Some)
}
