//! Weights in safetensors or GGUF files, read tensor by tensor.

mod arrangement;
mod as_stored;
mod error;
mod grouped;
mod header;
mod index;
mod inventory;
mod missing;
mod quantised;
mod read;
mod sizes;
mod wrapped;

use std::{collections::BTreeMap, sync::OnceLock};

pub use arrangement::Arrangement;
pub use as_stored::StoredValues;
pub use error::CheckpointError;
pub(crate) use index::WEIGHT_FILES;
pub use inventory::Inventory;
pub use layerlab_stored::{Block, EncodeError, StoredType};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use missing::base_model;
pub use read::StoredRows;
pub use sizes::{HeldSize, WeightSizes};

use crate::{Config, ModelFiles, gguf, tokenizer};

/// Where one tensor lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorEntry {
    /// The file that holds it.
    pub file: String,
    /// How its numbers are stored.
    pub dtype: StoredType,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// The order in which they lie there.
    pub arrangement: Arrangement,
}

impl TensorEntry {
    /// How many values it has.
    pub fn values(&self) -> u64 {
        self.shape.iter().map(|size| *size as u64).product()
    }

    /// Whether its bytes are those that a safetensors file would have of it.
    pub fn is_as_in_safetensors(&self) -> bool {
        self.arrangement == Arrangement::AsIs && self.dtype.plain().is_some()
    }
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
    /// Reads `config.json` and the headers of all weight files, and checks that they are whole. Where a GGUF file lies in
    /// place of safetensors, what it says of itself takes the place of `config.json`.
    ///
    /// # Errors
    /// When a file is missing, cut short or malformed: the error says which and where.
    pub async fn open(files: F) -> Result<Self, CheckpointError> {
        if let Some(parts) = gguf::model_of(&files).await? {
            return Self::open_gguf(files, parts).await;
        }
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

    async fn open_gguf(files: F, parts: gguf::Parts) -> Result<Self, CheckpointError> {
        let model = gguf::open(&files, &parts).await?;
        let beside = files.size("config.json").await?.map(|_| {
            "config.json lies beside the GGUF file and is not read: the file says itself what it holds".to_owned()
        });
        let adapter = missing::beside_model(&files).await?;
        Ok(Self {
            config: Config::from_fields(model.fields).with_tensors(model.tensors.len()),
            files,
            weight_files: parts.files,
            tensors: model.tensors,
            notes: beside.into_iter().chain(adapter).collect(),
            inventory: OnceLock::new(),
            sha256: OnceLock::new(),
        })
    }

    /// Files of a Hugging Face folder that there are not, but whose contents a GGUF file holds: those of its tokenizer, by
    /// their names. None of a model in safetensors, or beside a tokenizer that is a file.
    ///
    /// # Errors
    /// When the file cannot be read again, or its tokenizer cannot be used.
    pub async fn held_files(&self) -> Result<Vec<(&'static str, Vec<u8>)>, CheckpointError> {
        if self.files.size(tokenizer::TOKENIZER).await?.is_some() {
            return Ok(Vec::new());
        }
        let Some(parts) = gguf::model_of(&self.files).await? else {
            return Ok(Vec::new());
        };
        let model = gguf::open(&self.files, &parts).await?;
        let model_type = self.config.model_type().ok();
        let held = gguf::tokenizer(&model.metadata, model_type)?;
        // Plain values always have a JSON form.
        let config = serde_json::to_vec_pretty(&held.config).unwrap_or_default();
        Ok(vec![
            (tokenizer::TOKENIZER, held.tokenizer),
            (tokenizer::BESIDE[0], config),
        ])
    }

    /// The configuration: `config.json`, or what it would say of a GGUF file.
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
            .map(|entry| entry.dtype.to_string())
            .collect();
        names.sort();
        names.dedup();
        names
    }
}
