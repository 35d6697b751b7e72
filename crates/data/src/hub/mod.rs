//! Datasets of the Hugging Face Hub, by their id.

#[cfg(not(target_arch = "wasm32"))]
mod fetch;
mod split;

#[cfg(not(target_arch = "wasm32"))]
pub use fetch::{HubDatasetError, read};
pub use split::{ChosenSplit, DatasetId, SplitError};
