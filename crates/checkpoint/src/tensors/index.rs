//! Which files hold the weights: one, or the shards of an index.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{CheckpointError, TensorEntry, header, missing};
use crate::ModelFiles;

/// Bytes compared at once.
const CHUNK: u64 = 1 << 20;
const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// What is read before GGUF files.
pub(crate) const WEIGHT_FILES: [&str; 2] = [SINGLE, INDEX];

/// What the weights are made of.
pub(super) struct Weights {
    /// The files that hold them, in order.
    pub files: Vec<String>,
    /// All tensors by name.
    pub tensors: BTreeMap<String, TensorEntry>,
    /// What lies there as well and is not read, as a sentence.
    pub note: Option<String>,
}

/// Finds the weights as transformers does: in the one file where it is there, else by the index.
pub(super) async fn weights<F: ModelFiles>(files: &F) -> Result<Weights, CheckpointError> {
    if let Some(size) = files.size(SINGLE).await? {
        return Ok(Weights {
            tensors: header::read(files, SINGLE, size).await?,
            files: vec![SINGLE.into()],
            note: beside_single(files).await?,
        });
    }
    match files.read_small(INDEX).await? {
        Some(index) => sharded(files, &weight_map(&index)?).await,
        None => Err(missing::weights(files).await?),
    }
}

/// What to say where an index lies beside the one file and means others.
async fn beside_single<F: ModelFiles>(files: &F) -> Result<Option<String>, CheckpointError> {
    let index = match files.size(INDEX).await? {
        Some(_) => files.read_small(INDEX).await,
        None => return Ok(None),
    };
    let index = index.ok().flatten();
    let map = index.and_then(|index| weight_map(&index).ok());
    let same = map.is_some_and(|map| map.values().all(|shard| shard == SINGLE));
    Ok((!same).then(|| {
        format!("{SINGLE} is read, as transformers does; {INDEX} beside it means other files, which are not read")
    }))
}

/// Tensor names and the shard of each.
fn weight_map(index: &[u8]) -> Result<BTreeMap<String, String>, CheckpointError> {
    let problem = |problem: String| CheckpointError::Index {
        file: INDEX,
        problem,
    };
    let index: Value = serde_json::from_slice(index).map_err(|error| problem(error.to_string()))?;
    let map = index
        .get("weight_map")
        .and_then(Value::as_object)
        .ok_or_else(|| problem("there is no object `weight_map`".into()))?;
    map.iter()
        .map(|(name, shard)| {
            let shard = shard
                .as_str()
                .ok_or_else(|| problem(format!("the shard of `{name}` is not a text")))?;
            // A shard lies beside its index: anything that leads elsewhere is not followed.
            if shard.is_empty() || shard.starts_with('.') || shard.contains(['/', '\\', ':']) {
                return Err(problem(format!(
                    "`{shard}` is not the name of a file beside it"
                )));
            }
            Ok((name.clone(), shard.to_owned()))
        })
        .collect()
}

async fn sharded<F: ModelFiles>(
    files: &F,
    weight_map: &BTreeMap<String, String>,
) -> Result<Weights, CheckpointError> {
    let mut shards: Vec<String> = weight_map.values().cloned().collect();
    shards.sort();
    shards.dedup();
    let mut found: BTreeMap<String, TensorEntry> = BTreeMap::new();
    for shard in &shards {
        let Some(size) = files.size(shard).await? else {
            return Err(CheckpointError::MissingShard {
                shard: shard.clone(),
            });
        };
        for (name, entry) in header::read(files, shard, size).await? {
            if let Some(other) = found.get(&name) {
                // transformers takes the last, whatever the index says: sound only where they are equal.
                if !same_bytes(files, other, &entry).await? {
                    return Err(CheckpointError::Ambiguous {
                        name,
                        shards: format!("{} and {shard}", other.file),
                    });
                }
                if weight_map.get(&name) != Some(shard) {
                    continue;
                }
            }
            found.insert(name, entry);
        }
    }
    for (name, shard) in weight_map {
        if found.get(name).is_none_or(|entry| entry.file != *shard) {
            return Err(CheckpointError::MisplacedTensor {
                name: name.clone(),
                shard: shard.clone(),
            });
        }
    }
    Ok(Weights {
        files: shards,
        tensors: found,
        note: None,
    })
}

/// Whether two tensors are stored alike.
async fn same_bytes<F: ModelFiles>(
    files: &F,
    first: &TensorEntry,
    second: &TensorEntry,
) -> Result<bool, CheckpointError> {
    if (first.dtype, &first.shape) != (second.dtype, &second.shape) {
        return Ok(false);
    }
    let mut done = 0;
    while done < first.bytes {
        let length = CHUNK.min(first.bytes - done) as usize;
        let (mut a, mut b) = (vec![0; length], vec![0; length]);
        files
            .read_range(&first.file, first.offset + done, &mut a)
            .await?;
        files
            .read_range(&second.file, second.offset + done, &mut b)
            .await?;
        if a != b {
            return Ok(false);
        }
        done += length as u64;
    }
    Ok(true)
}
