//! What can end an export.

use thiserror::Error;

use crate::{ModelError, SpecError};

/// A folder that could not be written.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The source's configuration.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The source, or the layers asked for.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// What a layer computes depends on its number, which would change.
    #[error(
        "config.json: with `{field}`, a layer computes something else once it has another number; \
         the pruned model can be run here, but not exported"
    )]
    TiedToNumber {
        /// The field.
        field: &'static str,
    },
    /// The folder is there.
    #[error("{path} exists already; --force replaces it")]
    Exists {
        /// The folder.
        path: String,
    },
    /// The folder to replace is no model.
    #[error("{path} is not a model folder (it has no config.json) and is not replaced")]
    NotAModel {
        /// The folder.
        path: String,
    },
    /// The folder is the model that is being read.
    #[error("{path} is the source itself; a pruned model goes to a folder of its own")]
    IsSource {
        /// The folder.
        path: String,
    },
    /// The disk refused.
    #[error("cannot write {path}; the source is untouched, and nothing half-written is left")]
    Write {
        /// The file or folder.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The caller asked to stop.
    #[error("the export was interrupted")]
    Interrupted,
}
