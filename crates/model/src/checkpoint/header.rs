//! The header of a safetensors file.

use std::collections::BTreeMap;

use safetensors::tensor::Metadata;

use super::{CheckpointError, TensorEntry};
use crate::ModelFiles;

/// Bytes before the header: its length as a little-endian u64.
const PREFIX: u64 = 8;
/// The format's own limit.
const LONGEST: u64 = 100_000_000;

/// Tensors of one file, after checking that the header is sound and the file holds all its data.
/// Nothing is allocated on the word of the header alone.
pub(super) async fn read<F: ModelFiles>(
    files: &F,
    file: &str,
    size: u64,
) -> Result<BTreeMap<String, TensorEntry>, CheckpointError> {
    if size < PREFIX {
        return Err(CheckpointError::Truncated {
            file: file.into(),
            expected: PREFIX,
            found: size,
        });
    }
    let mut prefix = [0; PREFIX as usize];
    files.read_range(file, 0, &mut prefix).await?;
    let length = u64::from_le_bytes(prefix);
    if length > LONGEST || length > size - PREFIX {
        return Err(CheckpointError::HeaderLength {
            file: file.into(),
            length,
            size,
        });
    }
    let mut header = vec![0; length as usize];
    files.read_range(file, PREFIX, &mut header).await?;
    parse(file, &header, size)
}

/// Offsets, overlaps, gaps and byte counts are checked by `safetensors` itself while it
/// deserialises the metadata; what is left is that the data fit the file.
fn parse(
    file: &str,
    header: &[u8],
    size: u64,
) -> Result<BTreeMap<String, TensorEntry>, CheckpointError> {
    let metadata: Metadata =
        serde_json::from_slice(header).map_err(|error| CheckpointError::Header {
            file: file.into(),
            problem: error.to_string(),
        })?;
    let start = PREFIX + header.len() as u64;
    let expected = start + metadata.data_len() as u64;
    if size < expected {
        return Err(CheckpointError::Truncated {
            file: file.into(),
            expected,
            found: size,
        });
    }
    if size > expected {
        return Err(CheckpointError::Header {
            file: file.into(),
            problem: format!("{} bytes follow the last tensor", size - expected),
        });
    }
    let tensors = metadata.tensors();
    Ok(tensors
        .into_iter()
        .map(|(name, info)| {
            let (begin, end) = info.data_offsets;
            let entry = TensorEntry {
                file: file.into(),
                dtype: info.dtype,
                shape: info.shape.clone(),
                offset: start + begin as u64,
                bytes: (end - begin) as u64,
            };
            (name, entry)
        })
        .collect())
}
