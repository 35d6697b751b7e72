//! Models that no GGUF file can be made of.

use layerlab_stored::EncodeError;
use thiserror::Error;

use crate::{GgufError, tensors::CheckpointError, tokenizer::TokenizerError};

/// A model that cannot be written as a GGUF file.
#[derive(Debug, Error)]
pub enum GgufWriteError {
    /// A family that is not written.
    #[error("models of the family {found} are not written as GGUF files; written are {known}")]
    Family {
        /// The family.
        found: String,
        /// What would work.
        known: String,
    },
    /// A model that would be another one in llama.cpp.
    #[error("a GGUF file cannot say of this model what it computes: {what}")]
    NotSaid {
        /// What it cannot say.
        what: String,
    },
    /// A tokenizer that has no form in GGUF, or that there is none of.
    #[error("the tokenizer cannot be written to a GGUF file: {problem}")]
    Tokenizer {
        /// Why.
        problem: String,
    },
    /// A file that metadata are to be taken of, of another model.
    #[error("the GGUF file whose metadata are to be carried over is of another model: {problem}")]
    Like {
        /// How it differs.
        problem: String,
    },
    /// A tensor that cannot be stored as is wanted.
    #[error("tensor `{name}`: {problem}")]
    Tensor {
        /// The tensor.
        name: String,
        /// Why.
        problem: EncodeError,
    },
    /// The model, or what was written of it, cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A GGUF file cannot be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// A tokenizer cannot be used.
    #[error(transparent)]
    Encode(#[from] TokenizerError),
}
