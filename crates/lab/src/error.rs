//! Everything that can end an experiment.

use layerlab_kernels::KernelError;
use layerlab_model::{ModelError, checkpoint::CheckpointError, tokenizer::TokenizerError};
use layerlab_score::ScoreError;
use thiserror::Error;

use crate::{DeviceError, TextError};

/// An experiment that did not come to its end.
#[derive(Debug, Error)]
pub enum LabError {
    /// There is no device to run on.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The model cannot be loaded or run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The tokenizer cannot be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The text cannot be used.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Statistics could not be fetched from the device.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Scores cannot be computed.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// A span that no two blocks of the model are apart.
    #[error("a span of {span} blocks cannot be compared: the model has {layers}")]
    Span {
        /// What was asked for.
        span: usize,
        /// Blocks of the model.
        layers: usize,
    },
    /// Sequences per batch.
    #[error("a batch needs at least one sequence")]
    EmptyBatch,
    /// The user asked to stop.
    #[error("interrupted")]
    Cancelled,
}

impl From<CheckpointError> for LabError {
    fn from(error: CheckpointError) -> Self {
        Self::Model(error.into())
    }
}
