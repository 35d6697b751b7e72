//! Tokenizers that cannot be used.

use thiserror::Error;

use crate::{ChatError, files::FileError, gguf::GgufError};

/// A tokenizer that cannot be used.
#[derive(Debug, Error)]
pub enum TokenizerError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A GGUF file cannot be read, or holds a tokenizer that is not.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// A conversation cannot be written.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The model has none.
    #[error("there is no tokenizer.json in {place}")]
    Missing {
        /// Where it was looked for.
        place: String,
    },
    /// The model has one in a form that is not read.
    #[error("there is no tokenizer.json in {place}, only {found}; {cure}")]
    OtherForm {
        /// Where it was looked for.
        place: String,
        /// The files that are there.
        found: String,
        /// How to make a `tokenizer.json` of them.
        cure: String,
    },
    /// A file breaks its format.
    #[error("{file} cannot be used: {problem}")]
    Malformed {
        /// The file.
        file: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The text cannot be encoded, or ids not decoded.
    #[error("the tokenizer failed: {0}")]
    Failed(String),
}

pub(super) fn malformed(file: &'static str, problem: impl ToString) -> TokenizerError {
    TokenizerError::Malformed {
        file,
        problem: problem.to_string(),
    }
}

pub(super) fn failed(error: impl ToString) -> TokenizerError {
    TokenizerError::Failed(error.to_string())
}
