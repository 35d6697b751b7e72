//! Models in GGUF files, llama.cpp's format, as if they were checkpoints of Hugging Face: the metadata becomes what
//! `config.json`, `tokenizer.json` and `tokenizer_config.json` would say, and tensors go by the names that `transformers` has
//! for them. What cannot be said so is refused by its name.
//!
//! No crate that there was did this: those that read headers want the whole file in memory or a seekable one, none decodes
//! blocks to the last bit without a tensor library, and none reads from a browser by ranges.

mod architecture;
mod cursor;
mod error;
mod find;
mod header;
mod metadata;
mod places;
mod tokenizer;
mod types;
mod write;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub use error::GgufError;
pub(crate) use find::Parts;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use find::{is_gguf, siblings};
pub(crate) use tokenizer::{CHAT_TEMPLATE, tokenizer};
pub use write::{GgufFile, GgufWriteError, TensorTypes};

use crate::{ModelFiles, tensors::TensorEntry};
use architecture::{FACTOR_TENSORS, Source};
use metadata::Metadata;

/// Values of a tensor that changes rotary positions: half a head's channels.
const MOST_FACTORS: u64 = 1 << 12;

/// A model as it lies in its file or files.
pub(crate) struct Model {
    /// What `config.json` would say.
    pub fields: Map<String, Value>,
    /// Tensors by the names of Hugging Face.
    pub tensors: BTreeMap<String, TensorEntry>,
    /// What the first file says of the model and its tokenizer.
    pub metadata: Metadata,
}

/// The GGUF files that are the model of a place; none where there are no such, or safetensors files lie there, which are read
/// before them.
///
/// # Errors
/// When there are several that do not belong together.
pub(crate) async fn model_of<F: ModelFiles>(files: &F) -> Result<Option<Parts>, GgufError> {
    for name in crate::tensors::WEIGHT_FILES {
        if files.size(name).await?.is_some() {
            return Ok(None);
        }
    }
    find::find(files)
}

/// Reads the headers of a model's files.
///
/// # Errors
/// When one is missing, cut short or malformed, or the model is of a kind that is not read.
pub(crate) async fn open<F: ModelFiles>(files: &F, parts: &Parts) -> Result<Model, GgufError> {
    let (metadata, stored) = read_parts(files, parts).await?;
    let architecture = architecture::of(&metadata)?;
    let factors = factors(files, &stored).await?;
    let source = Source::new(architecture.name, &metadata, &stored, &factors);
    let fields = (architecture.config)(&source)?;
    let heads = source.head_counts()?;
    source.check_all_asked()?;
    check_vocabulary(&metadata, &stored)?;
    let tensors = architecture::renamed(&architecture.names, heads, &stored)?;
    Ok(Model {
        fields,
        tensors,
        metadata,
    })
}

/// The metadata of the first part, and the tensors of all by their names in them.
async fn read_parts<F: ModelFiles>(
    files: &F,
    parts: &Parts,
) -> Result<(Metadata, BTreeMap<String, TensorEntry>), GgufError> {
    const TENSORS: &str = "split.tensors.count";
    let mut first: Option<Metadata> = None;
    let mut stored: BTreeMap<String, TensorEntry> = BTreeMap::new();
    for (place, file) in parts.files.iter().enumerate() {
        let size = files.size(file).await?.unwrap_or(0);
        let header = header::read(files, file, size).await?;
        check_part(
            file,
            &header.metadata,
            place as u64,
            parts.files.len() as u64,
        )?;
        for (name, entry) in places::entries(file, size, &header)? {
            if let Some(other) = stored.insert(name.clone(), entry) {
                let problem = format!("is in both {} and {file}", other.file);
                return Err(GgufError::Tensor { name, problem });
            }
        }
        first.get_or_insert(header.metadata);
    }
    let metadata = first.unwrap_or_default();
    match metadata.natural(TENSORS)? {
        Some(count) if count != stored.len() as u64 => Err(GgufError::Metadata {
            key: TENSORS.to_owned(),
            problem: format!("is {count}, but there are {} tensors", stored.len()),
        }),
        _ => Ok((metadata, stored)),
    }
}

/// Refuses a file that says of itself that it is another part than its name has it.
fn check_part(file: &str, metadata: &Metadata, place: u64, count: u64) -> Result<(), GgufError> {
    let said = |key: &str| metadata.natural(key);
    let parts = said("split.count")?.unwrap_or(1).max(1);
    let part = said("split.no")?.unwrap_or(0);
    if (part, parts) == (place, count) {
        return Ok(());
    }
    Err(GgufError::WrongPart {
        file: file.to_owned(),
        part: part.saturating_add(1),
        count: parts,
        cure: match count {
            1 => {
                "give it the name that llama.cpp gave it (…-00001-of-0000N.gguf) and put the other parts beside it"
            }
            _ => "the files must be parts of one model, each under its own name",
        },
    })
}

/// Values of the tensors that change rotary positions: they are few, and the configuration is made of them.
async fn factors<F: ModelFiles>(
    files: &F,
    stored: &BTreeMap<String, TensorEntry>,
) -> Result<BTreeMap<String, Vec<f32>>, GgufError> {
    let mut factors = BTreeMap::new();
    for name in FACTOR_TENSORS {
        let Some(entry) = stored.get(name) else {
            continue;
        };
        let values: u64 = entry.shape.iter().map(|size| *size as u64).product();
        let problem = format!("is not a list of {MOST_FACTORS} numbers at most");
        if values > MOST_FACTORS || entry.shape.len() != 1 {
            let name = name.to_owned();
            return Err(GgufError::Tensor { name, problem });
        }
        let mut bytes = vec![0; entry.bytes as usize];
        files
            .read_range(&entry.file, entry.offset, &mut bytes)
            .await?;
        let mut numbers = vec![0.0; values as usize];
        entry.dtype.decode(&bytes, &mut numbers);
        if numbers
            .iter()
            .any(|number| !number.is_finite() || *number <= 0.0)
        {
            return Err(GgufError::Tensor {
                name: name.to_owned(),
                problem: "holds factors that are not above 0".to_owned(),
            });
        }
        factors.insert(name.to_owned(), numbers);
    }
    Ok(factors)
}

/// Refuses a vocabulary that is not that of the embedding matrix.
fn check_vocabulary(
    metadata: &Metadata,
    stored: &BTreeMap<String, TensorEntry>,
) -> Result<(), GgufError> {
    let rows = stored.get("token_embd.weight").map(|entry| &entry.shape);
    let rows = rows.and_then(|shape| shape.first()).copied().unwrap_or(0) as u64;
    match metadata.length(tokenizer::TOKENS) {
        Some(tokens) if tokens != rows => Err(GgufError::Metadata {
            key: tokenizer::TOKENS.to_owned(),
            problem: format!("has {tokens} entries, but the embedding matrix has {rows} rows"),
        }),
        _ => Ok(()),
    }
}
