//! What can end an export.

use thiserror::Error;

use crate::{ModelError, SpecError, tensors::StoredType};

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
    /// The configuration says of the layers that stay something else than of the same layers before.
    #[error(
        "config.json cannot say what the layers that stay are: {problem}; the pruned model can be run here, but not exported"
    )]
    Configuration {
        /// What is wrong.
        problem: String,
    },
    /// A changed decoder that is not of the layers that stay.
    #[error("the changed model has {found} layers, and {left} are to be written")]
    OtherLayers {
        /// Layers that stay.
        left: usize,
        /// Layers of the changed decoder.
        found: usize,
    },
    /// A changed weight is larger than its data type can say.
    #[error(
        "tensor `{name}` would hold {value:e} after the change, which {dtype} cannot; the model must be stored in a wider \
         type first"
    )]
    Overflow {
        /// The tensor.
        name: String,
        /// The value.
        value: f32,
        /// The type in which the tensor is stored.
        dtype: StoredType,
    },
    /// The folder is there.
    #[error("{path} exists already")]
    Exists {
        /// The folder.
        path: String,
    },
    /// The folder to replace is no model and no adapter.
    #[error(
        "{path} is not a model folder (it has neither config.json nor adapter_config.json) and is not replaced"
    )]
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
