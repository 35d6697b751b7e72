//! Reading the values of tensors, and hashing the files.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::{Arrangement, Block, Checkpoint, CheckpointError, StoredType, TensorEntry};
use crate::ModelFiles;

/// Bytes read at a time where values are converted: what is held beside the result.
pub(super) const CHUNK: u64 = 4 << 20;

/// Rows of a matrix as the file stores them, in the order in which they are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRows {
    /// How each row is stored; a row is a whole number of blocks.
    pub stored: StoredType,
    /// Bytes of a row.
    pub row_bytes: usize,
    /// Row after row.
    pub bytes: Vec<u8>,
}

impl<F: ModelFiles> Checkpoint<F> {
    /// The values of a tensor as f32, row after row. What is held meanwhile is the result and, for
    /// half precision and blocks, a few megabytes.
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
        let (entry, block) = self.readable(name)?;
        let all = (entry.bytes / block.bytes as u64) as usize * block.values;
        let part = part.start.min(all)..part.end.min(all);
        let values = match entry.arrangement {
            Arrangement::AsIs => self.values(entry, block, part).await?,
            Arrangement::PlusOne => {
                let mut values = self.values(entry, block, part).await?;
                values.iter_mut().for_each(|value| *value -= 1.0);
                values
            }
            Arrangement::Transposed => self.transposed(entry, block, part).await?,
            Arrangement::HalvesByTurns { .. } | Arrangement::Thirds { .. } => {
                self.rearranged(entry, block, part).await?
            }
        };
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

    /// Rows of a matrix as they are stored, so that blocks can stay blocks; rows beyond the last are left out. None where
    /// the file does not hold the rows that are asked for: where it has the matrix transposed, or values that are changed
    /// when they are read.
    ///
    /// # Errors
    /// When there is no such tensor, its data type is not read, or the file cannot be read.
    pub async fn read_rows(
        &self,
        name: &str,
        rows: Range<usize>,
    ) -> Result<Option<StoredRows>, CheckpointError> {
        let (entry, block) = self.readable(name)?;
        if matches!(
            entry.arrangement,
            Arrangement::Transposed | Arrangement::PlusOne
        ) {
            return Ok(None);
        }
        let all = rows_of(entry);
        let rows = rows.start.min(all)..rows.end.min(all);
        let (row_bytes, rest) = match entry.shape.get(1..).unwrap_or_default() {
            [] => (block.bytes, block.values - 1),
            row => {
                let values: usize = row.iter().product();
                (values / block.values * block.bytes, values % block.values)
            }
        };
        if rest != 0 {
            return Ok(None);
        }
        Ok(Some(StoredRows {
            stored: entry.dtype,
            row_bytes,
            bytes: self.stored_rows(entry, row_bytes, rows).await?,
        }))
    }

    /// A tensor that is there and whose type is read, and what its type stores together.
    fn readable(&self, name: &str) -> Result<(&TensorEntry, Block), CheckpointError> {
        let entry = self
            .entry(name)
            .ok_or_else(|| CheckpointError::NoTensor { name: name.into() })?;
        match entry.dtype.block() {
            Some(block) => Ok((entry, block)),
            None => Err(CheckpointError::Dtype {
                name: name.into(),
                dtype: entry.dtype,
            }),
        }
    }

    /// Values in the order of the file; only the blocks that hold them are read.
    async fn values(
        &self,
        entry: &TensorEntry,
        block: Block,
        part: Range<usize>,
    ) -> Result<Vec<f32>, CheckpointError> {
        let mut values = vec![0f32; part.len()];
        if part.is_empty() {
            return Ok(values);
        }
        if entry.dtype == StoredType::F32 {
            let start = entry.offset + part.start as u64 * 4;
            let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut values);
            self.files().read_range(&entry.file, start, bytes).await?;
            // The format is little-endian; so is every machine that this is likely to meet.
            for value in &mut values {
                *value = f32::from_bits(u32::from_le(value.to_bits()));
            }
            return Ok(values);
        }
        let blocks = part.start / block.values..part.end.div_ceil(block.values);
        let at_once = (CHUNK as usize / block.bytes).min(blocks.len());
        let mut chunk = vec![0; at_once * block.bytes];
        let mut partial = Vec::new();
        for first in blocks.clone().step_by(at_once) {
            let count = at_once.min(blocks.end - first);
            let bytes = &mut chunk[..count * block.bytes];
            let offset = entry.offset + first as u64 * block.bytes as u64;
            self.files().read_range(&entry.file, offset, bytes).await?;
            let span = first * block.values..(first + count) * block.values;
            let wanted = span.start.max(part.start)..span.end.min(part.end);
            let target = &mut values[wanted.start - part.start..wanted.end - part.start];
            if wanted == span {
                entry.dtype.decode(bytes, target);
            } else {
                partial.resize(span.len(), 0.0);
                entry.dtype.decode(bytes, &mut partial);
                target.copy_from_slice(&partial[wanted.start - span.start..][..wanted.len()]);
            }
        }
        Ok(values)
    }

    /// Values of a matrix whose rows the file has in another order.
    async fn rearranged(
        &self,
        entry: &TensorEntry,
        block: Block,
        part: Range<usize>,
    ) -> Result<Vec<f32>, CheckpointError> {
        let mut values = Vec::with_capacity(part.len());
        let width: usize = entry.shape.get(1..).unwrap_or_default().iter().product();
        if part.is_empty() || width == 0 {
            return Ok(values);
        }
        let row_bytes = width / block.values * block.bytes;
        let rows = part.start / width..part.end.div_ceil(width);
        let at_once = (CHUNK as usize / row_bytes.max(1)).max(1);
        let mut decoded = Vec::new();
        for first in rows.clone().step_by(at_once) {
            let some = first..rows.end.min(first + at_once);
            let span = some.start * width..some.end * width;
            let bytes = self.stored_rows(entry, row_bytes, some).await?;
            decoded.resize(span.len(), 0.0);
            entry.dtype.decode(&bytes, &mut decoded);
            let wanted = span.start.max(part.start)..span.end.min(part.end);
            values.extend_from_slice(&decoded[wanted.start - span.start..][..wanted.len()]);
        }
        Ok(values)
    }

    /// Rows as they are stored, in the order in which they are asked for.
    async fn stored_rows(
        &self,
        entry: &TensorEntry,
        row_bytes: usize,
        rows: Range<usize>,
    ) -> Result<Vec<u8>, CheckpointError> {
        let mut bytes = vec![0; rows.len() * row_bytes];
        let place = |row: usize| entry.offset + row as u64 * row_bytes as u64;
        let all = rows_of(entry);
        let Some(group) = entry.arrangement.group(all).filter(|group| *group > 0) else {
            let start = place(rows.start);
            self.files()
                .read_range(&entry.file, start, &mut bytes)
                .await?;
            return Ok(bytes);
        };
        // A group's rows lie together in the file, whatever their order is there.
        let mut whole = vec![0; group * row_bytes];
        let mut row = rows.start;
        while row < rows.end {
            let end = rows.end.min((row / group + 1) * group);
            let sources = (row..end).map(|row| entry.arrangement.source(row, all));
            let first = sources.clone().min().unwrap_or(0);
            let last = sources.clone().max().unwrap_or(0);
            let span = &mut whole[..(last + 1 - first) * row_bytes];
            self.files()
                .read_range(&entry.file, place(first), span)
                .await?;
            let targets =
                bytes[(row - rows.start) * row_bytes..].chunks_exact_mut(row_bytes.max(1));
            for (source, target) in sources.zip(targets) {
                target.copy_from_slice(&span[(source - first) * row_bytes..][..row_bytes]);
            }
            row = end;
        }
        Ok(bytes)
    }

    /// Values of a matrix that the file has transposed. All of it is read, a few rows at a time: each has one value of
    /// every row that is asked for.
    async fn transposed(
        &self,
        entry: &TensorEntry,
        block: Block,
        part: Range<usize>,
    ) -> Result<Vec<f32>, CheckpointError> {
        let mut values = vec![0f32; part.len()];
        let [inputs, outputs] = entry.shape[..] else {
            return Ok(values);
        };
        if part.is_empty() {
            return Ok(values);
        }
        let wanted = part.start / outputs..part.end.div_ceil(outputs);
        let at_once = (CHUNK as usize / 4 / inputs).max(1);
        for first in (0..outputs).step_by(at_once) {
            let some = first..outputs.min(first + at_once);
            let stored = some.start * inputs..some.end * inputs;
            let stored = self.values(entry, block, stored).await?;
            for (output, row) in some.zip(stored.chunks_exact(inputs)) {
                for input in wanted.clone() {
                    let place = (input * outputs + output).checked_sub(part.start);
                    if let Some(value) = place.and_then(|place| values.get_mut(place)) {
                        *value = row[input];
                    }
                }
            }
        }
        Ok(values)
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

/// Rows of a tensor; of a vector, its values.
fn rows_of(entry: &TensorEntry) -> usize {
    entry.shape.first().copied().unwrap_or(1)
}
