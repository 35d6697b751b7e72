//! Files that cannot be read, and why.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::text::NotText;

/// A record that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BadLine {
    /// The line it begins on, from 1.
    pub line: usize,
    /// The field at fault, if it is one.
    pub field: Option<String>,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(field) = &self.field {
            write!(f, ", field `{field}`")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// A dataset that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DatasetError {
    /// A record breaks its form.
    #[error("{name}, {bad}")]
    Line {
        /// The file.
        name: String,
        /// The record.
        bad: BadLine,
    },
    /// No record could be used.
    #[error("{name} has no usable record{}", first.as_ref().map(|bad| format!("; the first fails at {bad}")).unwrap_or_default())]
    Empty {
        /// The file.
        name: String,
        /// What was wrong with the first record, if there was one.
        first: Option<BadLine>,
    },
    /// The file as a whole breaks its form.
    #[error("{name} is not {form}: {problem}")]
    Form {
        /// The file.
        name: String,
        /// What it should be.
        form: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The file is no text, or not one that can be read.
    #[error("{name} {problem}")]
    Text {
        /// The file.
        name: String,
        /// What it is instead.
        problem: NotText,
    },
    /// Right choices are named in a way that leaves open which are meant; nothing can be passed over to settle that.
    #[error("{name}, {bad}")]
    Keys {
        /// The file.
        name: String,
        /// The first record where it shows, and what can be said.
        bad: BadLine,
    },
    /// All items have one label: there is nothing to tell apart.
    #[error(
        "{name}: every item has the label {label:?}; classification needs at least two classes"
    )]
    OneClass {
        /// The file.
        name: String,
        /// The label.
        label: String,
    },
}
