//! Files of the harness that cannot be used.

use thiserror::Error;

/// What is wrong with a run of the harness.
#[derive(Debug, Error)]
pub enum HarnessError {
    /// No samples at all.
    #[error("{place} holds no samples_TASK_DATE.jsonl; the harness writes them with --log_samples")]
    NoSamples {
        /// Where they were looked for.
        place: String,
    },
    /// A line that is no sample.
    #[error("{file}, line {line}: {problem}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// Two runs without a task in common.
    #[error("{first} and {second} have no task in common: {}; {}", first_tasks.join(", "), second_tasks.join(", "))]
    NoTask {
        /// A run.
        first: String,
        /// Another.
        second: String,
        /// The tasks of the one.
        first_tasks: Vec<String>,
        /// The tasks of the other.
        second_tasks: Vec<String>,
    },
    /// Samples of other documents.
    #[error("{task}: the runs are of other documents: {problem}")]
    OtherDocuments {
        /// The task.
        task: String,
        /// How they differ.
        problem: String,
    },
}
