//! ggml's types whose four bits point into a table of values that lie closer together around zero.

use crate::blocks::half;

/// ggml's table for `IQ4_NL` and `IQ4_XS`.
const TABLE: [i8; 16] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
];

/// Scale, 16 bytes of two values: `scale * table[q]`.
#[inline(always)]
pub(crate) fn iq4_nl(block: &[u8; 18], values: &mut [f32; 32]) {
    let scale = half(block[0], block[1]);
    looked_up(&block[2..], scale, values);
}

/// Scale, the upper two bits of 8 scales, their lower four bits, 128 bytes of two values: `scale * table[q]`.
#[inline(always)]
pub(crate) fn iq4_xs(block: &[u8; 136], values: &mut [f32; 256]) {
    let scale = half(block[0], block[1]);
    let upper = u16::from_le_bytes([block[2], block[3]]);
    let (lower, quants) = (&block[4..8], &block[8..]);
    let groups = values.as_chunks_mut::<32>().0.iter_mut();
    for (group, (values, quants)) in groups.zip(quants.as_chunks::<16>().0).enumerate() {
        let low = lower[group / 2] >> (group % 2 * 4) & 15;
        let high = (upper >> (group * 2) & 3) as u8;
        let scale = scale * f32::from((low | high << 4) as i8 - 32);
        looked_up(quants, scale, values);
    }
}

#[inline(always)]
fn looked_up(quants: &[u8], scale: f32, values: &mut [f32; 32]) {
    let (low, high) = values.split_at_mut(16);
    for ((byte, low), high) in quants.iter().zip(low).zip(high) {
        *low = scale * f32::from(TABLE[usize::from(byte & 15)]);
        *high = scale * f32::from(TABLE[usize::from(byte >> 4)]);
    }
}
