//! Values of two bytes as they are stored.

use half::{bf16, f16};

use super::{Arrangement, Checkpoint, CheckpointError, StoredType, read::CHUNK};
use crate::ModelFiles;

/// The values of a tensor that is stored at two bytes a value, row after row.
#[derive(Debug, Clone, PartialEq)]
pub enum HalfValues {
    /// IEEE's binary16.
    F16(Vec<f16>),
    /// The upper half of a float32.
    Bf16(Vec<bf16>),
}

impl<F: ModelFiles> Checkpoint<F> {
    /// The values of a tensor as they are stored; none where they take another size or stand in another order. What is held
    /// meanwhile is the result and a few megabytes.
    ///
    /// # Errors
    /// When there is no such tensor, a value is not finite, or the file cannot be read.
    pub async fn read_halves(&self, name: &str) -> Result<Option<HalfValues>, CheckpointError> {
        let entry = self
            .entry(name)
            .ok_or_else(|| CheckpointError::NoTensor { name: name.into() })?;
        if entry.arrangement != Arrangement::AsIs {
            return Ok(None);
        }
        Ok(match entry.dtype {
            StoredType::F16 => {
                let values = self.halves(name, f16::from_le_bytes, f16::is_finite);
                Some(HalfValues::F16(values.await?))
            }
            StoredType::BF16 => {
                let values = self.halves(name, bf16::from_le_bytes, bf16::is_finite);
                Some(HalfValues::Bf16(values.await?))
            }
            _ => None,
        })
    }

    async fn halves<T: Copy>(
        &self,
        name: &str,
        from_bytes: impl Fn([u8; 2]) -> T,
        is_finite: impl Fn(T) -> bool,
    ) -> Result<Vec<T>, CheckpointError> {
        let entry = self
            .entry(name)
            .ok_or_else(|| CheckpointError::NoTensor { name: name.into() })?;
        let total = (entry.bytes / 2) as usize;
        let mut values = Vec::with_capacity(total);
        let mut chunk = vec![0; CHUNK.min(entry.bytes) as usize];
        let mut read = 0;
        while read < entry.bytes {
            let bytes = &mut chunk[..CHUNK.min(entry.bytes - read) as usize];
            let offset = entry.offset + read;
            self.files().read_range(&entry.file, offset, bytes).await?;
            read += bytes.len() as u64;
            let halves = bytes.as_chunks::<2>().0.iter();
            values.extend(halves.map(|half| from_bytes(*half)));
        }
        let bad = values.iter().filter(|value| !is_finite(**value)).count();
        match bad {
            0 => Ok(values),
            count => Err(CheckpointError::NotFinite {
                name: name.into(),
                count,
                total,
            }),
        }
    }
}
