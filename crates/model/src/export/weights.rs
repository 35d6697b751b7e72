//! Safetensors files with fewer layers.

use std::{collections::BTreeSet, ops::ControlFlow};

use half::{bf16, f16};
use serde_json::{Map, Value, json};

use super::{ExportError, ExportTarget, write_file};
use crate::{
    Checkpoint, Decoder, LoadProgress, ModelError, ModelFiles,
    decoder::Altered,
    families::{Affine, ExpectedTensor, TensorLayout},
    tensors::{CheckpointError, StoredType, TensorEntry},
};

/// Bytes copied at once.
const CHUNK: u64 = 8 << 20;
/// Headers are filled up to a multiple of this, so that numbers lie aligned in memory.
const ALIGNMENT: usize = 8;
/// Values decoded at once.
const DECODED: usize = 2 << 20;

/// A tensor that stays, under its new name.
struct KeptTensor<'a> {
    name: String,
    /// Its name in the source.
    stored: &'a str,
    entry: &'a TensorEntry,
}

impl KeptTensor<'_> {
    /// In which type it is written: as it is stored, or what is stored in blocks in half precision, of which safetensors
    /// and transformers know.
    fn dtype(&self) -> StoredType {
        match self.entry.dtype.plain() {
            Some(_) => self.entry.dtype,
            None => StoredType::F16,
        }
    }

    /// Bytes that it takes as it is written.
    fn bytes(&self) -> u64 {
        match (self.entry.dtype.plain(), StoredType::F16.block()) {
            (None, Some(half)) => self.entry.values() * half.bytes as u64,
            (_, _) => self.entry.bytes,
        }
    }
}

/// Copies the tensors of the decoder that stay, and none that it does not ask for; those that `changed` holds other values of
/// are written as it has them, rounded to their data type. What is stored in blocks, or in another order than safetensors have it, is decoded. A source in shards becomes as many,
/// less those that lose all.
pub(super) async fn write<F: ModelFiles, T: ExportTarget>(
    checkpoint: &Checkpoint<F>,
    removed: &BTreeSet<usize>,
    changed: Option<&Decoder>,
    target: &mut T,
    progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
) -> Result<(), ExportError> {
    let inventory = checkpoint.inventory().await.map_err(ModelError::from)?;
    let altered = changed.map(|decoder| {
        let layout = TensorLayout {
            spec: decoder.spec(),
            ..inventory.layout()
        };
        Altered::of(decoder, layout)
    });
    let stays = staying(inventory.layout(), removed);
    let mut shards = Vec::new();
    for file in checkpoint.weight_files() {
        let mut kept: Vec<KeptTensor<'_>> = stays
            .iter()
            .filter_map(|(stored, name)| {
                let entry = checkpoint.entry(stored)?;
                let name = name.clone();
                (entry.file == *file).then_some(KeptTensor {
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
    let total: u64 = shards.iter().flatten().map(KeptTensor::bytes).sum();
    let mut bytes = 0;
    for (index, shard) in shards.iter().enumerate() {
        target.begin(&shard_name(index)).await?;
        target.append(&header(shard)).await?;
        for kept in shard {
            let KeptTensor { entry, stored, .. } = kept;
            let altered = altered.as_ref();
            let altered = altered.filter(|altered| !altered.is_as_stored(&kept.name));
            if let Some(altered) = altered {
                let values = match altered.is_replaced(&kept.name) {
                    true => Vec::new(),
                    false => checkpoint
                        .read_f32(stored)
                        .await
                        .map_err(ModelError::from)?,
                };
                let values = altered.values(&kept.name, values).await?;
                let encoded = encoded(stored, kept.dtype(), values.into_iter())?;
                target.append(&encoded).await?;
                bytes += kept.bytes();
                if progress(LoadProgress { bytes, total }).is_break() {
                    return Err(ExportError::Interrupted);
                }
                continue;
            }
            if !entry.is_as_in_safetensors() {
                for start in (0..entry.values() as usize).step_by(DECODED) {
                    let part = start..start + DECODED;
                    let values = checkpoint.read_f32_part(stored, part).await;
                    let values = values.map_err(ModelError::from)?;
                    let encoded = encoded(stored, kept.dtype(), values.into_iter())?;
                    target.append(&encoded).await?;
                    bytes += encoded.len() as u64;
                    if progress(LoadProgress { bytes, total }).is_break() {
                        return Err(ExportError::Interrupted);
                    }
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

/// The tensors that stay without the layers `removed`, by their names in the source and in the pruned model.
fn staying(layout: TensorLayout<'_>, removed: &BTreeSet<usize>) -> Vec<(String, String)> {
    let same = |wanted: ExpectedTensor| (wanted.name.clone(), wanted.name);
    let shared = [Some(layout.embedding()), layout.positions()];
    let shared = shared.into_iter().flatten();
    let around = std::iter::once(layout.final_norm()).chain(layout.head());
    let shared = shared.chain(around.flat_map(Affine::tensors));
    let kept = (0..layout.spec.layers()).filter(|layer| !removed.contains(layer));
    let of_blocks = kept.enumerate().flat_map(|(new, old)| {
        let (new, old) = (layout.block(new).all(), layout.block(old).all());
        old.zip(new).map(|(old, new)| (old.name, new.name))
    });
    shared.map(same).chain(of_blocks).collect()
}

/// Values as the file keeps them, rounded to its data type.
fn encoded(
    name: &str,
    dtype: StoredType,
    values: impl Iterator<Item = f32>,
) -> Result<Vec<u8>, ExportError> {
    let mut bytes = Vec::new();
    for value in values {
        let rounded = match dtype {
            StoredType::F32 => value,
            StoredType::F16 => f16::from_f32(value).to_f32(),
            StoredType::BF16 => bf16::from_f32(value).to_f32(),
            dtype => {
                let name = name.into();
                return Err(ModelError::from(CheckpointError::Dtype { name, dtype }).into());
            }
        };
        if !rounded.is_finite() {
            return Err(ExportError::Overflow {
                name: name.into(),
                value,
                dtype,
            });
        }
        match dtype {
            StoredType::F16 => bytes.extend(f16::from_f32(value).to_le_bytes()),
            StoredType::BF16 => bytes.extend(bf16::from_f32(value).to_le_bytes()),
            _ => bytes.extend(value.to_le_bytes()),
        }
    }
    Ok(bytes)
}

/// Length and header of a safetensors file that holds the tensors end to end.
fn header(shard: &[KeptTensor<'_>]) -> Vec<u8> {
    let mut fields = Map::new();
    fields.insert("__metadata__".into(), json!({ "format": "pt" }));
    let mut offset = 0;
    for kept in shard {
        let end = offset + kept.bytes();
        let info = json!({
            "dtype": kept.dtype(),
            "shape": kept.entry.shape,
            "data_offsets": [offset, end],
        });
        fields.insert(kept.name.clone(), info);
        offset = end;
    }
    framed(fields)
}

/// A header of these fields, with its length before it. `safetensors::serialize` would want all tensors in memory at once;
/// here one after another goes from file to file.
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
    fn what_no_longer_fits_its_data_type_is_refused_by_name() {
        let encode = |dtype, value: f32| encoded("a.weight", dtype, [1.0, value].into_iter());
        for (dtype, largest, beyond) in [
            (StoredType::F16, 65504.0, 65520.0),
            (StoredType::BF16, 3.38e38, f32::MAX),
            (StoredType::F32, f32::MAX, f32::INFINITY),
        ] {
            assert!(encode(dtype, largest).is_ok(), "{dtype:?}");
            assert!(encode(dtype, -largest).is_ok(), "{dtype:?}");
            for value in [beyond, -beyond, f32::NAN] {
                let refused = encode(dtype, value);
                let Err(ExportError::Overflow { name, .. }) = refused else {
                    unreachable!("{dtype:?}: {refused:?}");
                };
                assert_eq!(name, "a.weight");
            }
        }
    }
}
