//! In which form numbers are stored: plain, or in blocks with a scale of their own.

use std::fmt::{self, Display, Formatter};

use safetensors::Dtype;
use serde::{Serialize, Serializer};

use crate::{EncodeError, blocks, encode};

/// How the numbers of a tensor are stored.
///
/// Plain types and those that are not read come from safetensors, block types from GGUF. Its name, as `Display` and JSON
/// give it, is that of the file's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredType {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of single precision.
    BF16,
    /// 4 bits a value, blocks of 32 with a scale.
    Q4_0,
    /// 4 bits a value, blocks of 32 with a scale and a minimum.
    Q4_1,
    /// 5 bits a value, blocks of 32 with a scale.
    Q5_0,
    /// 5 bits a value, blocks of 32 with a scale and a minimum.
    Q5_1,
    /// 8 bits a value, blocks of 32 with a scale.
    Q8_0,
    /// 2 bits a value, blocks of 256 with scales and minima.
    Q2K,
    /// 3 bits a value, blocks of 256 with scales.
    Q3K,
    /// 4 bits a value, blocks of 256 with scales and minima.
    Q4K,
    /// 5 bits a value, blocks of 256 with scales and minima.
    Q5K,
    /// 6 bits a value, blocks of 256 with scales.
    Q6K,
    /// 4 bits a value that point into a table, blocks of 32 with a scale.
    Iq4Nl,
    /// 4 bits a value that point into a table, blocks of 256 with scales.
    Iq4Xs,
    /// One of safetensors that is not read.
    Other(Dtype),
}

/// What a type stores together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Values of a block.
    pub values: usize,
    /// Bytes that they take.
    pub bytes: usize,
}

impl StoredType {
    /// The smallest part that is stored by itself: one value of plain types. None of types that are not read.
    pub const fn block(self) -> Option<Block> {
        let (values, bytes) = match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::BF16 => (1, 2),
            Self::Q4_0 | Self::Iq4Nl => (32, 18),
            Self::Q4_1 => (32, 20),
            Self::Q5_0 => (32, 22),
            Self::Q5_1 => (32, 24),
            Self::Q8_0 => (32, 34),
            Self::Q2K => (256, 84),
            Self::Q3K => (256, 110),
            Self::Q4K => (256, 144),
            Self::Q5K => (256, 176),
            Self::Q6K => (256, 210),
            Self::Iq4Xs => (256, 136),
            Self::Other(_) => return None,
        };
        Some(Block { values, bytes })
    }

    /// Whether its values can be had.
    pub const fn is_read(self) -> bool {
        self.block().is_some()
    }

    /// Values of whole blocks as f32, to the last bit those of ggml's reference. As many blocks are decoded as both `bytes`
    /// and `values` have room for; of a type that is not read, none are.
    pub fn decode(self, bytes: &[u8], values: &mut [f32]) {
        blocks::decode(self, bytes, values);
    }

    /// Bytes that so many values take, whole blocks of them; none of types that are not read.
    pub const fn bytes(self, values: u64) -> u64 {
        match self.block() {
            Some(block) => values / block.values as u64 * block.bytes as u64,
            None => 0,
        }
    }

    /// How a matrix is stored whose rows have so many values: as half precision where they are no whole blocks.
    pub const fn of_rows(self, columns: usize) -> Self {
        match self.block() {
            Some(block) if columns.is_multiple_of(block.values) => self,
            _ => Self::F16,
        }
    }

    /// Appends values, whole blocks of them, to `bytes`, to the last bit as ggml's reference has them; what is left over is not
    /// stored.
    ///
    /// # Errors
    /// When a value has no place in half precision, or the type is only read: F32, F16, Q4_0, Q5_0 and Q8_0 are written.
    pub fn encode(self, values: &[f32], bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode::encode(self, values, bytes)
    }

    /// The same as safetensors has it; none of blocks.
    pub const fn plain(self) -> Option<Dtype> {
        match self {
            Self::F32 => Some(Dtype::F32),
            Self::F16 => Some(Dtype::F16),
            Self::BF16 => Some(Dtype::BF16),
            Self::Other(dtype) => Some(dtype),
            _ => None,
        }
    }
}

impl From<Dtype> for StoredType {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
            Dtype::BF16 => Self::BF16,
            other => Self::Other(other),
        }
    }
}

impl Display for StoredType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q8_0 => "Q8_0",
            Self::Q2K => "Q2_K",
            Self::Q3K => "Q3_K",
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
            Self::Iq4Nl => "IQ4_NL",
            Self::Iq4Xs => "IQ4_XS",
            Self::Other(dtype) => return write!(f, "{dtype:?}"),
        })
    }
}

impl Serialize for StoredType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
