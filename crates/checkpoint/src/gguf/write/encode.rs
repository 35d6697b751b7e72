//! Values as ggml stores them.

use half::f16;

use super::GgufWriteError;

/// How matrices are written. Vectors, such as the scales of norms, are written in single precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Half precision.
    F16,
    /// Blocks of 32 values of 8 bits with a scale in half precision; half precision where rows do not make up blocks.
    Q8_0,
}

/// How one tensor is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    F32,
    F16,
    Q8_0,
}

/// Values of a block of Q8_0.
pub(super) const BLOCK: usize = 32;
/// Bytes of such a block.
const BLOCK_BYTES: u64 = 2 + BLOCK as u64;

impl Written {
    /// Of a tensor of this shape.
    pub fn of(shape: &[usize], precision: Precision) -> Self {
        match (shape, precision) {
            ([_, columns], Precision::Q8_0) if columns.is_multiple_of(BLOCK) => Self::Q8_0,
            ([_, _], _) => Self::F16,
            _ => Self::F32,
        }
    }

    /// ggml's number of it.
    pub fn number(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q8_0 => 8,
        }
    }

    /// Bytes of so many values.
    pub fn bytes(self, values: u64) -> u64 {
        match self {
            Self::F32 => 4 * values,
            Self::F16 => 2 * values,
            Self::Q8_0 => values / BLOCK as u64 * BLOCK_BYTES,
        }
    }

    /// Values, whole blocks of them, as bytes.
    ///
    /// # Errors
    /// When one is beyond half precision.
    pub fn encode(self, name: &str, values: &[f32]) -> Result<Vec<u8>, GgufWriteError> {
        let half = |value: f32| {
            let half = f16::from_f32(value);
            match half.is_finite() {
                true => Ok(half.to_le_bytes()),
                false => Err(GgufWriteError::Overflow {
                    name: name.to_owned(),
                    value,
                }),
            }
        };
        let mut bytes = Vec::with_capacity(self.bytes(values.len() as u64) as usize);
        match self {
            Self::F32 => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::F16 => {
                for &value in values {
                    bytes.extend(half(value)?);
                }
            }
            Self::Q8_0 => {
                for block in values.chunks(BLOCK) {
                    // As llama.cpp does it: the scale is rounded after the values were divided by it.
                    let largest = block
                        .iter()
                        .fold(0.0f32, |most, value| most.max(value.abs()));
                    let scale = largest / 127.0;
                    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
                    bytes.extend(half(scale)?);
                    let rounded = block
                        .iter()
                        .map(|value| (value * inverse).round() as i8 as u8);
                    bytes.extend(rounded);
                }
            }
        }
        Ok(bytes)
    }
}
