//! Values as they are stored, where that takes less memory than float32.

use half::{bf16, f16};
use layerlab_stored::StoredType;

use super::{Checkpoint, CheckpointError};
use crate::ModelFiles;

/// Values that are read at a time: what is held beside the result is their bytes and a few megabytes.
const AT_ONCE: usize = 1 << 20;

/// The values of a matrix as they are stored, row after row.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredValues {
    /// IEEE's binary16.
    F16(Vec<f16>),
    /// The upper half of a float32.
    Bf16(Vec<bf16>),
    /// Blocks of this type; a row is a whole number of them.
    Blocks(StoredType, Vec<u8>),
}

impl<F: ModelFiles> Checkpoint<F> {
    /// The values of a matrix as they are stored; none where they are stored as float32, or the file does not hold the rows
    /// that are asked for ([`read_rows`](Self::read_rows)).
    ///
    /// # Errors
    /// When there is no such tensor, its type is not read, a value is not finite, or the file cannot be read.
    pub async fn read_as_stored(
        &self,
        name: &str,
    ) -> Result<Option<StoredValues>, CheckpointError> {
        let entry = self
            .entry(name)
            .ok_or_else(|| CheckpointError::NoTensor { name: name.into() })?;
        let (rows, stored) = (entry.shape.first().copied().unwrap_or(1), entry.dtype);
        let total = entry.values() as usize;
        let mut values = match stored {
            StoredType::F32 => return Ok(None),
            StoredType::F16 => StoredValues::F16(Vec::with_capacity(total)),
            StoredType::BF16 => StoredValues::Bf16(Vec::with_capacity(total)),
            _ => StoredValues::Blocks(stored, Vec::with_capacity(entry.bytes as usize)),
        };
        let at_once = (AT_ONCE / (total / rows.max(1)).max(1)).max(1);
        let (mut bad, mut decoded) = (0, Vec::new());
        for first in (0..rows).step_by(at_once) {
            let some = first..rows.min(first + at_once);
            let Some(read) = self.read_rows(name, some).await? else {
                return Ok(None);
            };
            bad += match &mut values {
                StoredValues::F16(values) => {
                    extend(values, &read.bytes, f16::from_le_bytes, f16::is_finite)
                }
                StoredValues::Bf16(values) => {
                    extend(values, &read.bytes, bf16::from_le_bytes, bf16::is_finite)
                }
                StoredValues::Blocks(stored, bytes) => {
                    bytes.extend_from_slice(&read.bytes);
                    let block = stored.block().map_or(0, |block| {
                        read.bytes.len() / block.bytes.max(1) * block.values
                    });
                    decoded.resize(block, 0f32);
                    stored.decode(&read.bytes, &mut decoded);
                    decoded.iter().filter(|value| !value.is_finite()).count()
                }
            };
        }
        match bad {
            0 => Ok(Some(values)),
            count => Err(CheckpointError::NotFinite {
                name: name.into(),
                count,
                total,
            }),
        }
    }
}

/// Adds values of two bytes; gives how many of them are not finite.
fn extend<T: Copy>(
    values: &mut Vec<T>,
    bytes: &[u8],
    from_bytes: impl Fn([u8; 2]) -> T,
    is_finite: impl Fn(T) -> bool,
) -> usize {
    let first = values.len();
    let halves = bytes.as_chunks::<2>().0.iter();
    values.extend(halves.map(|half| from_bytes(*half)));
    let added = values[first..].iter();
    added.filter(|value| !is_finite(**value)).count()
}
