//! What can end a training.

use layerlab_model::ModelError;
use thiserror::Error;

/// A training that cannot begin or go on.
#[derive(Debug, Error)]
pub enum TuneError {
    /// The model cannot read an example, or the device failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A number that no training can be run with.
    #[error("{option} must be {needed}, not {found}")]
    Recipe {
        /// Which.
        option: &'static str,
        /// What it may be.
        needed: &'static str,
        /// What it is.
        found: f64,
    },
    /// Nothing to learn from, or nothing to tell by when to stop.
    #[error("there are no {what} to train with; {remedy}")]
    Nothing {
        /// What is missing.
        what: &'static str,
        /// What would help.
        remedy: &'static str,
    },
    /// Two models of which one is no part of the other.
    #[error(
        "the models do not fit together: the whole one has {} tokens in its vocabulary and {} channels, the other {} and {}",
        whole[0], whole[1], pruned[0], pruned[1]
    )]
    OtherModel {
        /// Vocabulary and channels of the whole model.
        whole: [usize; 2],
        /// Those of the other.
        pruned: [usize; 2],
    },
    /// A checkpoint of another training, or one that cannot be read.
    #[error("the checkpoint cannot be taken up: {0}")]
    Checkpoint(String),
}
