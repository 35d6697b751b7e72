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
    #[error("{name}, {bad}; --skip-bad goes on without it")]
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
    /// Numbers of right choices seem to be counted from 1, where they are counted from 0.
    #[error(
        "{name}, line {line}, field `{field}`: {key} names none of {choices} choices counted from 0, and no line has 0: they seem \
         to count from 1; if so, say that the field is a key_number"
    )]
    CountedFromOne {
        /// The file.
        name: String,
        /// Line of the first number that is too large.
        line: usize,
        /// The field.
        field: String,
        /// The number.
        key: String,
        /// The choices there are.
        choices: usize,
    },
    /// All right choices can be read in two ways that do not give the same.
    #[error(
        "{name}, line {line}, field `{field}`: {key:?} is {readings}, which are different choices, and no line decides; say \
         which is meant by one of the roles {roles}"
    )]
    Ambiguous {
        /// The file.
        name: String,
        /// The first line where it matters.
        line: usize,
        /// The field.
        field: String,
        /// What it says.
        key: String,
        /// What that may mean.
        readings: String,
        /// The roles that decide.
        roles: String,
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
