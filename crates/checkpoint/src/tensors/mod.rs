//! Weights in safetensors files, read tensor by tensor.

mod error;
mod grouped;
mod halves;
mod header;
mod index;
mod inventory;
mod missing;
mod quantised;
mod read;
mod wrapped;

use std::{collections::BTreeMap, sync::OnceLock};

pub use error::CheckpointError;
pub use halves::HalfValues;
pub use inventory::Inventory;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use missing::base_model;

use crate::{Config, ModelFiles};

/// Where one tensor lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorEntry {
    /// The file that holds it.
    pub file: String,
    /// Its data type, by the name that safetensors uses.
    pub dtype: safetensors::Dtype,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A model's configuration and the whereabouts of its weights. Only headers have been read.
#[derive(Debug)]
pub struct Checkpoint<F> {
    files: F,
    config: Config,
    weight_files: Vec<String>,
    tensors: BTreeMap<String, TensorEntry>,
    /// What a reader must know of how the files were found.
    notes: Vec<String>,
    /// Filled when it is first asked for.
    inventory: OnceLock<Inventory>,
    /// Filled when it is first asked for: all weight files must be read for it.
    sha256: OnceLock<String>,
}

impl<F: ModelFiles> Checkpoint<F> {
    /// Reads `config.json` and the headers of all weight files, and checks that they are whole.
    ///
    /// # Errors
    /// When a file is missing, cut short or malformed: the error says which and where.
    pub async fn open(files: F) -> Result<Self, CheckpointError> {
        let Some(config) = files.read_small("config.json").await? else {
            return Err(missing::config(&files).await?);
        };
        let config = Config::parse(&config)?;
        let weights = index::weights(&files).await?;
        let (tensors, left_out) = wrapped::unwrapped(weights.tensors)?;
        let adapter = missing::beside_model(&files).await?;
        let notes = [weights.note, left_out, adapter];
        Ok(Self {
            config: config.with_tensors(tensors.len()),
            files,
            weight_files: weights.files,
            tensors,
            notes: notes.into_iter().flatten().collect(),
            inventory: OnceLock::new(),
            sha256: OnceLock::new(),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The files that it was opened from.
    pub fn files(&self) -> &F {
        &self.files
    }

    /// The files that hold the weights, in order.
    pub fn weight_files(&self) -> &[String] {
        &self.weight_files
    }

    /// Every tensor by name.
    pub fn tensors(&self) -> &BTreeMap<String, TensorEntry> {
        &self.tensors
    }

    /// One tensor.
    pub fn entry(&self, name: &str) -> Option<&TensorEntry> {
        self.tensors.get(name)
    }

    /// Bytes of all tensors.
    pub fn weight_bytes(&self) -> u64 {
        self.tensors.values().map(|entry| entry.bytes).sum()
    }

    /// The data types that occur, in alphabetical order.
    pub fn dtypes(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .tensors
            .values()
            .map(|entry| format!("{:?}", entry.dtype))
            .collect();
        names.sort();
        names.dedup();
        names
    }
}
