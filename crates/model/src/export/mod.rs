//! A Hugging Face folder without some of its layers: a checkpoint like any other.
//!
//! Tensors are copied byte for byte from safetensors, so nothing is rounded; those in the blocks of a GGUF file are decoded and
//! written in half precision, see [`rounded`]. A device takes part only where weights were changed on it. The source is only read.

mod config;
mod error;
#[cfg(not(target_arch = "wasm32"))]
mod folder;
mod mergekit;
mod peft;
mod weights;

pub use error::ExportError;
#[cfg(not(target_arch = "wasm32"))]
pub use folder::FolderTarget;
pub use mergekit::{Recipe, RecipeError, mergekit_yaml, read_mergekit};
pub use peft::write_adapters;

use std::{collections::BTreeSet, ops::ControlFlow};

use crate::{Checkpoint, Decoder, DecoderSpec, LoadProgress, ModelError, ModelFiles};

/// Files that belong to a model besides its weights and `config.json`.
const COMPANIONS: [&str; 17] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
    "LICENSE",
    "LICENSE.txt",
    "LICENSE.md",
    "NOTICE",
    "NOTICE.txt",
    "USE_POLICY.md",
];

/// Where an exported folder goes: a folder on disk, a zip in a browser.
#[allow(
    async_fn_in_trait,
    reason = "callers are generic and need no Send bound: browsers have one thread"
)]
pub trait ExportTarget {
    /// Begins a file; what was begun before is whole.
    async fn begin(&mut self, name: &str) -> Result<(), ExportError>;

    /// Adds to the file that was begun last.
    async fn append(&mut self, bytes: &[u8]) -> Result<(), ExportError>;
}

/// Writes a small file whole.
///
/// # Errors
/// When the target refuses.
pub async fn write_file<T: ExportTarget>(
    target: &mut T,
    name: &str,
    contents: &[u8],
) -> Result<(), ExportError> {
    target.begin(name).await?;
    target.append(contents).await
}

/// Writes the model without the layers `removed`: configuration, exactly the weights of the decoder that stay, in as many
/// shards as the source has where each keeps a tensor, and the files of the tokenizer and of generation. Where `changed` is given, a
/// decoder of these layers, what it holds other values of is written as it has it, rounded to the data type of its tensor.
///
/// # Errors
/// When a layer does not exist or none would be left, `changed` has other layers, the configuration cannot say of the layers that
/// stay what they compute, a source file or the device cannot be read, the target refuses, or `progress` breaks off.
pub async fn export<F: ModelFiles, T: ExportTarget>(
    checkpoint: &Checkpoint<F>,
    removed: &BTreeSet<usize>,
    changed: Option<&Decoder>,
    target: &mut T,
    progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
) -> Result<(), ExportError> {
    let spec = spec(checkpoint).await?;
    let layers = spec.layers();
    if let Some(&layer) = removed.iter().find(|layer| **layer >= layers) {
        return Err(ModelError::NoSuchLayer { layer, layers }.into());
    }
    if removed.len() == layers {
        return Err(ModelError::NoLayerLeft { layers }.into());
    }
    let left = layers - removed.len();
    if let Some(found) = changed.map(|decoder| decoder.spec().layers())
        && found != left
    {
        return Err(ExportError::OtherLayers { left, found });
    }
    let config = config::without(checkpoint.config(), spec, removed)?;
    write_file(target, "config.json", config.as_bytes()).await?;
    write_companions(checkpoint, target).await?;
    weights::write(checkpoint, removed, changed, target, progress).await
}

/// The types in blocks in which weights are stored, such as `Q4_1`, in the order of their names. Weights in such blocks are written
/// as F16, rounded to 11 significant bits; none where nothing is rounded.
pub fn rounded<F: ModelFiles>(checkpoint: &Checkpoint<F>) -> Vec<String> {
    let tensors = checkpoint.tensors().values();
    let in_blocks = tensors.filter(|entry| entry.dtype.plain().is_none());
    let names: BTreeSet<String> = in_blocks.map(|entry| entry.dtype.to_string()).collect();
    names.into_iter().collect()
}

/// The decoder that the files hold.
async fn spec<F: ModelFiles>(checkpoint: &Checkpoint<F>) -> Result<&DecoderSpec, ModelError> {
    Ok(checkpoint.inventory().await?.spec())
}

/// Copies the files of the tokenizer and of generation; of a GGUF file, writes those that it holds the contents of.
async fn write_companions<F: ModelFiles, T: ExportTarget>(
    checkpoint: &Checkpoint<F>,
    target: &mut T,
) -> Result<(), ExportError> {
    let held = checkpoint.held_files().await.map_err(ModelError::from)?;
    for (name, contents) in &held {
        write_file(target, name, contents).await?;
    }
    for name in COMPANIONS {
        if held.iter().any(|(held, _)| *held == name) {
            continue;
        }
        let contents = checkpoint.files().read_small(name).await;
        if let Some(contents) = contents.map_err(ModelError::from)? {
            write_file(target, name, &contents).await?;
        }
    }
    Ok(())
}
