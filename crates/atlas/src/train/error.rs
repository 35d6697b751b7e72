//! What can end a training.

use std::{io, path::PathBuf};

use burn::tensor::ExecutionError;
use layerlab_model::{ModelError, tensors::CheckpointError, tokenizer::TokenizerError};
use thiserror::Error;

/// A training that did not come to its end.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The decoder.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Files of the decoder.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The tokenizer as a model's.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The device failed.
    #[error("the device failed: {0}")]
    Device(#[from] ExecutionError),
    /// The tokenizer cannot be trained.
    #[error("the tokenizer cannot be trained: {0}")]
    Vocabulary(String),
    /// A file cannot be read or written.
    #[error("cannot read or write {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A checkpoint of another recipe, or a broken one.
    #[error("the checkpoint in {path} cannot be taken up: {problem}")]
    Resume {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The loss is no number any more.
    #[error("the loss is not finite at step {0}")]
    NotFinite(usize),
}
