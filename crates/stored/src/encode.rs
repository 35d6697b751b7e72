//! Values as ggml stores them: the bytes are those of its reference (`quantize_row_*_ref` in `ggml-quants.c`).

use half::f16;
use thiserror::Error;

use crate::StoredType;

/// Values of a block.
const BLOCK: usize = 32;
/// The largest number of Q8_0, either sign.
const LARGEST_OF_8_BITS: f32 = 127.0;

/// Values that a type cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum EncodeError {
    /// A value, or the scale of the block that it is in, is beyond half precision.
    #[error("the value {0} is beyond half precision (at most 65504)")]
    Overflow(f32),
    /// The type is only read.
    #[error("{0} is only read; F32, F16, Q4_0, Q5_0 and Q8_0 are written")]
    OnlyRead(StoredType),
}

/// Appends whole blocks of values to `bytes`; what is left over is not stored.
pub(crate) fn encode(
    stored: StoredType,
    values: &[f32],
    bytes: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let blocks = values.as_chunks::<BLOCK>().0;
    match stored {
        StoredType::F32 => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
        StoredType::F16 => {
            for &value in values {
                bytes.extend(half(value, value)?);
            }
        }
        StoredType::Q4_0 => {
            for block in blocks {
                let quantised = Quantised::of(block, 8)?;
                bytes.extend(quantised.scale);
                bytes.extend(quantised.lower_bits());
            }
        }
        StoredType::Q5_0 => {
            for block in blocks {
                let quantised = Quantised::of(block, 16)?;
                bytes.extend(quantised.scale);
                let bits = quantised.numbers.iter().enumerate();
                let fifth = bits.fold(0, |bits, (place, number)| {
                    bits | u32::from(number >> 4) << place
                });
                bytes.extend(fifth.to_le_bytes());
                bytes.extend(quantised.lower_bits());
            }
        }
        StoredType::Q8_0 => {
            for block in blocks {
                let furthest = largest(block);
                let scale = furthest.abs() / LARGEST_OF_8_BITS;
                bytes.extend(half(scale, furthest)?);
                let inverse = inverse(scale);
                let rounded = block.iter().map(|value| (value * inverse).round() as i8);
                bytes.extend(rounded.map(i8::cast_unsigned));
            }
        }
        other => return Err(EncodeError::OnlyRead(other)),
    }
    Ok(())
}

/// A block of numbers from 0 on, twice `half` of them, of which `half` stands for 0.
struct Quantised {
    scale: [u8; 2],
    numbers: [u8; BLOCK],
}

impl Quantised {
    /// The value furthest from 0 becomes the number 0, whatever its sign: there is one more number on that side.
    fn of(block: &[f32; BLOCK], half_of: u8) -> Result<Self, EncodeError> {
        let most = f32::from(half_of);
        let furthest = largest(block);
        let scale = furthest / -most;
        // The scale is rounded after the values were divided by it.
        let inverse = inverse(scale);
        let last = 2 * half_of - 1;
        Ok(Self {
            scale: half(scale, furthest)?,
            numbers: block.map(|value| ((value * inverse + (most + 0.5)) as u8).min(last)),
        })
    }

    /// The lower four bits, the lower half of the values in the lower halves of the bytes.
    fn lower_bits(&self) -> impl Iterator<Item = u8> {
        let (low, high) = self.numbers.split_at(BLOCK / 2);
        low.iter()
            .zip(high)
            .map(|(low, high)| low & 15 | (high & 15) << 4)
    }
}

/// The value furthest from 0, the first of several; no number where one of them is none.
fn largest(block: &[f32; BLOCK]) -> f32 {
    block.iter().fold(0.0, |largest: f32, value| {
        match value.abs() > largest.abs() || value.is_nan() {
            true => *value,
            false => largest,
        }
    })
}

fn inverse(scale: f32) -> f32 {
    match scale == 0.0 {
        true => 0.0,
        false => 1.0 / scale,
    }
}

/// A number in half precision; `of` is the value that it is of.
fn half(number: f32, of: f32) -> Result<[u8; 2], EncodeError> {
    let half = f16::from_f32(number);
    match half.is_finite() {
        true => Ok(half.to_le_bytes()),
        false => Err(EncodeError::Overflow(of)),
    }
}
