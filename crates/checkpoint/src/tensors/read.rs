//! Reading the values of tensors, and hashing the files.

use std::ops::Range;

use half::{bf16, f16};
use safetensors::Dtype;
use sha2::{Digest, Sha256};

use super::{Checkpoint, CheckpointError};
use crate::ModelFiles;

/// Bytes read at a time where values are converted: what is held beside the result.
pub(super) const CHUNK: u64 = 4 << 20;

impl<F: ModelFiles> Checkpoint<F> {
    /// The values of a tensor as f32, row after row. What is held meanwhile is the result and, for
    /// half precision, a few megabytes.
    ///
    /// # Errors
    /// When there is no such tensor, its data type is not read, a value is not finite, or the file
    /// cannot be read.
    pub async fn read_f32(&self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        self.read_f32_part(name, 0..usize::MAX).await
    }

    /// The same of some of its values, counted from the first; what lies beyond the last is left out.
    ///
    /// # Errors
    /// As [`read_f32`](Self::read_f32).
    pub async fn read_f32_part(
        &self,
        name: &str,
        part: Range<usize>,
    ) -> Result<Vec<f32>, CheckpointError> {
        let entry = self
            .entry(name)
            .ok_or_else(|| CheckpointError::NoTensor { name: name.into() })?;
        let width = match entry.dtype {
            Dtype::F32 => 4,
            Dtype::F16 | Dtype::BF16 => 2,
            dtype => {
                return Err(CheckpointError::Dtype {
                    name: name.into(),
                    dtype,
                });
            }
        };
        let all = (entry.bytes / width) as usize;
        let part = part.start.min(all)..part.end.min(all);
        let start = entry.offset + part.start as u64 * width;
        let mut values = vec![0f32; part.len()];
        if entry.dtype == Dtype::F32 {
            let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut values);
            self.files().read_range(&entry.file, start, bytes).await?;
            // The format is little-endian; so is every machine that this is likely to meet.
            for value in &mut values {
                *value = f32::from_bits(u32::from_le(value.to_bits()));
            }
        } else {
            let mut chunk = vec![0; CHUNK.min(values.len() as u64 * width) as usize];
            let mut offset = start;
            for values in values.chunks_mut((CHUNK / width) as usize) {
                let bytes = &mut chunk[..values.len() * width as usize];
                self.files().read_range(&entry.file, offset, bytes).await?;
                offset += bytes.len() as u64;
                for (value, half) in values.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *value = match entry.dtype {
                        Dtype::F16 => f16::from_le_bytes(*half).to_f32(),
                        _ => bf16::from_le_bytes(*half).to_f32(),
                    };
                }
            }
        }
        let count = values.iter().filter(|value| !value.is_finite()).count();
        match count {
            0 => Ok(values),
            count => Err(CheckpointError::NotFinite {
                name: name.into(),
                count,
                total: values.len(),
            }),
        }
    }

    /// SHA-256 over all weight files in the order of their names, as hexadecimal.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub async fn sha256(&self) -> Result<String, CheckpointError> {
        if let Some(known) = self.sha256.get() {
            return Ok(known.clone());
        }
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK as usize];
        for file in &self.weight_files {
            let size = self.files().size(file).await?.unwrap_or(0);
            let mut offset = 0;
            while offset < size {
                let bytes = &mut chunk[..CHUNK.min(size - offset) as usize];
                self.files().read_range(file, offset, bytes).await?;
                hash.update(&*bytes);
                offset += bytes.len() as u64;
            }
        }
        let bytes = hash.finalize();
        let hash: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(self.sha256.get_or_init(|| hash).clone())
    }
}
