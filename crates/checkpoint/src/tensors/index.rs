//! Which files hold the weights: one, or the shards of an index.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{CheckpointError, TensorEntry, header};
use crate::ModelFiles;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// The weight files in order, and all their tensors.
type Tensors = (Vec<String>, BTreeMap<String, TensorEntry>);

/// Finds the weights: by the index where there is one, else in the one file.
pub(super) async fn tensors<F: ModelFiles>(files: &F) -> Result<Tensors, CheckpointError> {
    if let Some(index) = files.read_small(INDEX).await? {
        return sharded(files, &weight_map(&index)?).await;
    }
    match files.size(SINGLE).await? {
        Some(size) => Ok((
            vec![SINGLE.into()],
            header::read(files, SINGLE, size).await?,
        )),
        None => Err(CheckpointError::NoWeights {
            place: files.describe(),
        }),
    }
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
) -> Result<Tensors, CheckpointError> {
    let mut shards: Vec<String> = weight_map.values().cloned().collect();
    shards.sort();
    shards.dedup();
    let mut found = BTreeMap::new();
    for shard in &shards {
        let Some(size) = files.size(shard).await? else {
            return Err(CheckpointError::MissingShard {
                shard: shard.clone(),
            });
        };
        // Where two shards hold a tensor, the index says which of them counts.
        let tensors = header::read(files, shard, size).await?;
        found.extend(
            tensors
                .into_iter()
                .filter(|(name, _)| weight_map.get(name).is_none_or(|home| home == shard)),
        );
    }
    for (name, shard) in weight_map {
        if found.get(name).is_none_or(|entry| entry.file != *shard) {
            return Err(CheckpointError::MisplacedTensor {
                name: name.clone(),
                shard: shard.clone(),
            });
        }
    }
    Ok((shards, found))
}
