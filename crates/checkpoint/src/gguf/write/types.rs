//! How each tensor of a file is stored.

use std::collections::BTreeMap;

use layerlab_stored::StoredType;

use super::GgufWriteError;

/// How matrices are stored: a [written](StoredType::encode) type for the matrices of some blocks, and one for all other matrices.
/// Vectors, such as the scales of norms, are stored in single precision; a matrix whose rows do not make up blocks of the type in
/// half precision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorTypes {
    /// Of blocks that are not named, of the embedding and of the head.
    pub rest: StoredType,
    /// By the number of the block.
    pub blocks: BTreeMap<usize, StoredType>,
}

impl From<StoredType> for TensorTypes {
    /// All matrices alike.
    fn from(rest: StoredType) -> Self {
        Self {
            rest,
            blocks: BTreeMap::new(),
        }
    }
}

impl TensorTypes {
    /// Of a tensor by its name in the file.
    pub(super) fn of(&self, name: &str, shape: &[usize]) -> StoredType {
        let &[_, columns] = shape else {
            return StoredType::F32;
        };
        let block = name.strip_prefix("blk.");
        let block = block.and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
        let named = block.and_then(|block| self.blocks.get(&block).copied());
        named.unwrap_or(self.rest).of_rows(columns)
    }

    /// llama.cpp's number of what most blocks are stored as (`enum llama_ftype`).
    pub(super) fn file_type(&self) -> u32 {
        let mut counts = BTreeMap::new();
        for stored in self.blocks.values() {
            *counts.entry(file_type(*stored)).or_insert(0) += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count);
        most.map_or(file_type(self.rest), |(number, _)| number)
    }
}

fn file_type(stored: StoredType) -> u32 {
    match stored {
        StoredType::F32 => 0,
        StoredType::Q4_0 => 2,
        StoredType::Q8_0 => 7,
        StoredType::Q5_0 => 8,
        _ => 1,
    }
}

/// Values of a tensor, whole blocks of them, as bytes.
pub(super) fn encoded(
    name: &str,
    stored: StoredType,
    values: &[f32],
) -> Result<Vec<u8>, GgufWriteError> {
    let mut bytes = Vec::with_capacity(stored.bytes(values.len() as u64) as usize);
    let encoded = stored.encode(values, &mut bytes);
    encoded.map_err(|problem| GgufWriteError::Tensor {
        name: name.to_owned(),
        problem,
    })?;
    Ok(bytes)
}
