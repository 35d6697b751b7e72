//! Runs of lm-evaluation-harness: the samples that it logs, read, compared pair by pair, and written.
//!
//! The harness (`lm_eval … --log_samples --output_path DIR`) leaves `results_DATE.json`, which names the model, and
//! `samples_TASK_DATE.jsonl`, a line for each document of a task, with what each metric gave for it.

mod compare;
mod error;
mod read;
mod write;

pub use compare::{HarnessComparison, HarnessPair, compare_runs};
pub use error::HarnessError;
pub use read::{HarnessRun, Marks, Measured, is_samples};
pub use write::harness_files;
