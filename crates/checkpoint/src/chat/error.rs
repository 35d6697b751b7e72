//! Chat templates that cannot be used.

use std::{error::Error, fmt};

use thiserror::Error as ThisError;

/// A chat template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum ChatError {
    /// The model has none.
    #[error(
        "the model has no chat template, which would say how a conversation is written; base models have none, and are asked \
         as plain text"
    )]
    Missing,
    /// It is written down in a way that is not read.
    #[error("the chat template in {place} cannot be used: {problem}")]
    Malformed {
        /// The file that it was found in.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// It says by itself that it does not take the conversation.
    #[error("the model's chat template refuses the conversation: {0}")]
    Refused(String),
}

/// What a template said by `raise_exception`.
#[derive(Debug)]
pub(super) struct Raised(pub String);

impl fmt::Display for Raised {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for Raised {}

impl ChatError {
    pub(super) fn of(place: &str, error: &minijinja::Error) -> Self {
        let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
        match causes.find_map(|cause| cause.downcast_ref::<Raised>()) {
            Some(Raised(said)) => Self::Refused(said.clone()),
            None => Self::Malformed {
                place: place.to_owned(),
                problem: told(error),
            },
        }
    }
}

/// What went wrong, and in which line.
fn told(error: &minijinja::Error) -> String {
    let kind = error.kind().to_string();
    let problem = match error.detail() {
        Some(detail) => format!("{kind}: {detail}"),
        None => kind,
    };
    match error.line() {
        Some(line) => format!("{problem} (line {line} of the template)"),
        None => problem,
    }
}
