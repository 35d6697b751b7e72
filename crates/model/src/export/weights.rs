//! Safetensors files with fewer layers.

use std::{collections::BTreeSet, ops::ControlFlow};

use half::{bf16, f16};
use safetensors::Dtype;
use serde_json::{Map, Value, json};

use super::{ExportError, ExportTarget, write_file};
use crate::{
    Checkpoint, LoadProgress, LowRank, ModelError, ModelFiles, families,
    tensors::{CheckpointError, TensorEntry},
};

/// Bytes copied at once.
const CHUNK: u64 = 8 << 20;
/// Headers are filled up to a multiple of this, so that numbers lie aligned in memory.
const ALIGNMENT: usize = 8;

/// A tensor that stays, under its new name.
struct Kept<'a> {
    name: String,
    /// Its name in the source.
    stored: &'a str,
    entry: &'a TensorEntry,
}

/// Copies every tensor that stays, `changes` added to those that they are of. A source in shards becomes as many, less those that lose all.
pub(super) async fn write<F: ModelFiles, T: ExportTarget>(
    checkpoint: &Checkpoint<F>,
    layers: usize,
    removed: &BTreeSet<usize>,
    changes: &[LowRank],
    target: &mut T,
    progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
) -> Result<(), ExportError> {
    let names = families::of(checkpoint.config())?.names;
    let rename = |name: &str| renamed(name, names.prefix, names.block, layers, removed);
    let mut shards = Vec::new();
    for file in checkpoint.weight_files() {
        let tensors = checkpoint.tensors().iter();
        let mut kept: Vec<Kept<'_>> = tensors
            .filter(|(_, entry)| entry.file == *file)
            .filter_map(|(stored, entry)| {
                let name = rename(stored)?;
                Some(Kept {
                    name,
                    stored,
                    entry,
                })
            })
            .collect();
        kept.sort_by_key(|kept| kept.entry.offset);
        if !kept.is_empty() {
            shards.push(kept);
        }
    }
    let sharded = checkpoint.weight_files().len() > 1;
    let shard_name = |index: usize| match sharded {
        false => "model.safetensors".to_owned(),
        true => format!("model-{:05}-of-{:05}.safetensors", index + 1, shards.len()),
    };
    let total: u64 = shards.iter().flatten().map(|kept| kept.entry.bytes).sum();
    let mut bytes = 0;
    for (index, shard) in shards.iter().enumerate() {
        target.begin(&shard_name(index)).await?;
        target.append(&header(shard)).await?;
        for Kept { entry, stored, .. } in shard {
            let full = stored.strip_suffix(".weight").unwrap_or_default();
            // Checkpoints of the bare model have no prefix.
            let bare = |name: &str| name.strip_prefix(names.prefix).map(str::to_owned);
            let is_its = |change: &&LowRank| {
                change.name == full || bare(&change.name).is_some_and(|name| name == full)
            };
            if let Some(change) = changes.iter().find(is_its) {
                let values = checkpoint
                    .read_f32(stored)
                    .await
                    .map_err(ModelError::from)?;
                let changed = values.iter().zip(change.delta()).map(|(a, b)| a + b);
                let encoded = encoded(stored, entry.dtype, changed)?;
                target.append(&encoded).await?;
                bytes += entry.bytes;
                if progress(LoadProgress { bytes, total }).is_break() {
                    return Err(ExportError::Interrupted);
                }
                continue;
            }
            let mut done = 0;
            while done < entry.bytes {
                let mut chunk = vec![0; CHUNK.min(entry.bytes - done) as usize];
                let offset = entry.offset + done;
                let read = checkpoint
                    .files()
                    .read_range(&entry.file, offset, &mut chunk);
                read.await.map_err(ModelError::from)?;
                target.append(&chunk).await?;
                done += chunk.len() as u64;
                bytes += chunk.len() as u64;
                if progress(LoadProgress { bytes, total }).is_break() {
                    return Err(ExportError::Interrupted);
                }
            }
        }
    }
    if sharded {
        let places = shards.iter().enumerate().flat_map(|(index, shard)| {
            let file = shard_name(index);
            shard
                .iter()
                .map(move |kept| (kept.name.clone(), Value::String(file.clone())))
        });
        let mut places: Vec<(String, Value)> = places.collect();
        places.sort_by(|a, b| a.0.cmp(&b.0));
        let weight_map: Map<String, Value> = places.into_iter().collect();
        let index = json!({ "metadata": { "total_size": total }, "weight_map": weight_map });
        let index = format!("{index:#}\n");
        write_file(target, "model.safetensors.index.json", index.as_bytes()).await?;
    }
    Ok(())
}

/// The tensor's name in the pruned model; none where it goes with its layer.
fn renamed(
    name: &str,
    prefix: &str,
    block: &str,
    layers: usize,
    removed: &BTreeSet<usize>,
) -> Option<String> {
    let whole = || Some(name.to_owned());
    let (before, after) = block.split_once("{}").unwrap_or((block, ""));
    let (outer, inner) = match name.strip_prefix(prefix) {
        Some(inner) => (prefix, inner),
        None => ("", name),
    };
    let Some(rest) = inner.strip_prefix(before) else {
        return whole();
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = rest.split_at(digits);
    let (Ok(layer), Some(_)) = (number.parse::<usize>(), rest.strip_prefix(after)) else {
        return whole();
    };
    // Beyond the last layer lie extras, such as heads that predict several tokens; their number would
    // not fit any more.
    if layer >= layers || removed.contains(&layer) {
        return None;
    }
    let number = layer - removed.range(..layer).count();
    Some(format!("{outer}{before}{number}{rest}"))
}

/// Values as the file keeps them, rounded to its data type.
fn encoded(
    name: &str,
    dtype: Dtype,
    values: impl Iterator<Item = f32>,
) -> Result<Vec<u8>, ModelError> {
    Ok(match dtype {
        Dtype::F32 => values.flat_map(f32::to_le_bytes).collect(),
        Dtype::F16 => values
            .flat_map(|value| f16::from_f32(value).to_le_bytes())
            .collect(),
        Dtype::BF16 => values
            .flat_map(|value| bf16::from_f32(value).to_le_bytes())
            .collect(),
        dtype => {
            return Err(CheckpointError::Dtype {
                name: name.into(),
                dtype,
            }
            .into());
        }
    })
}

/// Length and header of a safetensors file that holds the tensors end to end.
fn header(shard: &[Kept<'_>]) -> Vec<u8> {
    let mut fields = Map::new();
    fields.insert("__metadata__".into(), json!({ "format": "pt" }));
    let mut offset = 0;
    for Kept { name, entry, .. } in shard {
        let end = offset + entry.bytes;
        let info = json!({
            "dtype": entry.dtype,
            "shape": entry.shape,
            "data_offsets": [offset, end],
        });
        fields.insert(name.clone(), info);
        offset = end;
    }
    framed(fields)
}

/// A header of these fields, with its length before it.
pub(super) fn framed(fields: Map<String, Value>) -> Vec<u8> {
    let mut header = Value::Object(fields).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(ALIGNMENT), b' ');
    let length = header.len() as u64;
    [&length.to_le_bytes()[..], &header].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_renumbered_and_nothing_else() {
        let removed = BTreeSet::from([1, 4]);
        let new = |name| renamed(name, "model.", "layers.{}.", 12, &removed);
        assert_eq!(
            new("model.layers.0.a.weight").unwrap(),
            "model.layers.0.a.weight"
        );
        assert_eq!(
            new("model.layers.2.a.weight").unwrap(),
            "model.layers.1.a.weight"
        );
        assert_eq!(new("layers.11.b").unwrap(), "layers.9.b");
        assert_eq!(new("model.layers.1.a.weight"), None);
        assert_eq!(new("model.layers.12.a.weight"), None);
        assert_eq!(new("model.norm.weight").unwrap(), "model.norm.weight");
        assert_eq!(new("lm_head.weight").unwrap(), "lm_head.weight");
        assert_eq!(new("model.layers.x").unwrap(), "model.layers.x");
    }
}
