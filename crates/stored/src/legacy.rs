//! ggml's first block types: 32 values with one scale, the lower half of the values in the lower halves of the bytes.

use crate::blocks::half;

// What decodes is inlined here and in the other types, so that it is compiled for the wide instructions of whoever calls.

/// Scale (2 bytes), 16 bytes of two values: `scale * (q - 8)`.
#[inline(always)]
pub(crate) fn q4_0(block: &[u8; 18], values: &mut [f32; 32]) {
    let scale = half(block[0], block[1]);
    let (low, high) = values.split_at_mut(16);
    for ((byte, low), high) in block[2..].iter().zip(low).zip(high) {
        *low = scale * f32::from((byte & 15) as i8 - 8);
        *high = scale * f32::from((byte >> 4) as i8 - 8);
    }
}

/// Scale, minimum, 16 bytes of two values: `scale * q + minimum`.
#[inline(always)]
pub(crate) fn q4_1(block: &[u8; 20], values: &mut [f32; 32]) {
    let (scale, minimum) = (half(block[0], block[1]), half(block[2], block[3]));
    let (low, high) = values.split_at_mut(16);
    for ((byte, low), high) in block[4..].iter().zip(low).zip(high) {
        *low = scale * f32::from(byte & 15) + minimum;
        *high = scale * f32::from(byte >> 4) + minimum;
    }
}

/// Scale, 32 fifth bits, 16 bytes of two values: `scale * (q - 16)`.
#[inline(always)]
pub(crate) fn q5_0(block: &[u8; 22], values: &mut [f32; 32]) {
    let scale = half(block[0], block[1]);
    let fifth = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    five_bits(fifth, &block[6..], values, |q| {
        scale * f32::from(q as i8 - 16)
    });
}

/// Scale, minimum, 32 fifth bits, 16 bytes of two values: `scale * q + minimum`.
#[inline(always)]
pub(crate) fn q5_1(block: &[u8; 24], values: &mut [f32; 32]) {
    let (scale, minimum) = (half(block[0], block[1]), half(block[2], block[3]));
    let fifth = u32::from_le_bytes([block[4], block[5], block[6], block[7]]);
    five_bits(fifth, &block[8..], values, |q| {
        scale * f32::from(q) + minimum
    });
}

#[inline(always)]
fn five_bits(fifth: u32, bytes: &[u8], values: &mut [f32; 32], value: impl Fn(u8) -> f32) {
    let (low, high) = values.split_at_mut(16);
    for (place, ((byte, low), high)) in bytes.iter().zip(low).zip(high).enumerate() {
        let bit = |place: usize| ((fifth >> place) & 1) as u8;
        *low = value(byte & 15 | bit(place) << 4);
        *high = value(byte >> 4 | bit(place + 16) << 4);
    }
}

/// Scale, 32 signed bytes: `q * scale`.
#[inline(always)]
pub(crate) fn q8_0(block: &[u8; 34], values: &mut [f32; 32]) {
    let scale = half(block[0], block[1]);
    for (byte, value) in block[2..].iter().zip(values) {
        *value = f32::from(*byte as i8) * scale;
    }
}
