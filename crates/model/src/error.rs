//! Everything that can go wrong between a folder of files and a forward pass.

use burn::tensor::ExecutionError;
use layerlab_checkpoint::{
    SpecError,
    files::FileError,
    tensors::{CheckpointError, EncodeError, StoredType},
};
use thiserror::Error;

/// A model that cannot be loaded or run.
#[derive(Debug, Error)]
pub enum ModelError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The weights cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file beside the weights cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A tensor that the architecture needs is not in the checkpoint.
    #[error("tensor `{name}` is missing from the checkpoint")]
    MissingTensor {
        /// Its name.
        name: String,
    },
    /// A tensor has another shape than the configuration says.
    #[error("tensor `{name}` has shape {found:?}, but config.json asks for {expected:?}")]
    TensorShape {
        /// Its name.
        name: String,
        /// What the configuration asks for.
        expected: Vec<usize>,
        /// What the file holds.
        found: Vec<usize>,
    },
    /// A batch without tokens.
    #[error("there is no text to read: a sequence of tokens is empty")]
    EmptySequence,
    /// The tokenizer and the model do not belong together.
    #[error(
        "token id {id} lies beyond the model's vocabulary of {vocab_size}; \
         do the tokenizer and the weights belong together?"
    )]
    TokenOutsideVocabulary {
        /// The id.
        id: u32,
        /// Rows of the embedding matrix.
        vocab_size: usize,
    },
    /// More tokens than there are trained positions.
    #[error(
        "{length} tokens are more than the {context} positions that the model was trained with"
    )]
    ContextExceeded {
        /// Tokens asked for.
        length: usize,
        /// Trained positions.
        context: usize,
    },
    /// A batch continues a cache of another number of sequences.
    #[error("a batch of {batch} sequences cannot continue a cache of {cached}")]
    CacheMismatch {
        /// Sequences in the cache.
        cached: usize,
        /// Sequences in the batch.
        batch: usize,
    },
    /// A block that the model does not have.
    #[error("there is no layer {layer}: the model has {layers}, numbered from 0")]
    NoSuchLayer {
        /// What was asked for.
        layer: usize,
        /// Blocks of the model.
        layers: usize,
    },
    /// All blocks are to be removed.
    #[error("all {layers} layers would be removed; at least one must remain")]
    NoLayerLeft {
        /// Blocks of the model.
        layers: usize,
    },
    /// What the model computes is no longer a number.
    #[error(
        "the model's logits are not numbers (NaN), so that no token follows from them: a weight is damaged, or activations \
         overflow; scoring the layers names the first where they do"
    )]
    NotNumbers,
    /// The caller asked to stop.
    #[error("loading was interrupted")]
    Interrupted,
    /// The sampling options cannot be used.
    #[error("sampling: {0}")]
    Sampling(String),
    /// The device failed while it computed or was read from.
    #[error("the device failed: {0}")]
    Device(#[from] ExecutionError),
    /// A weight that cannot be stored in a coarser type.
    #[error("a weight cannot be stored as {stored}: {problem}")]
    Coarser {
        /// The type.
        stored: StoredType,
        /// Why.
        problem: EncodeError,
    },
}
