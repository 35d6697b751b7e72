//! ggml's K types: blocks of 256 values in groups of 16 or 32, whose scales (and minima) are small whole numbers times one
//! half-precision number of the block.

use crate::blocks::half;

/// 16 bytes of scale (lower half) and minimum (upper half) for 16 groups of 16, 64 bytes of four values, the block's scale
/// and minimum: `scale * q - minimum`.
#[inline(always)]
pub(crate) fn q2(block: &[u8; 84], values: &mut [f32; 256]) {
    let (scales, quants) = (&block[..16], &block[16..80]);
    let (scale, minimum) = (half(block[80], block[81]), half(block[82], block[83]));
    for (group, values) in values.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let least = minimum * f32::from(scales[group] >> 4);
        let scale = scale * f32::from(scales[group] & 15);
        for (value, q) in values.iter_mut().zip(two_bits(quants, group)) {
            *value = scale * f32::from(q) - least;
        }
    }
}

/// 32 bytes of third bits, 64 bytes of four values, 12 bytes of 16 scales of 6 bits, the block's scale: `scale * q`, where a
/// third bit of 0 takes 4 away.
#[inline(always)]
pub(crate) fn q3(block: &[u8; 110], values: &mut [f32; 256]) {
    let (third, quants, packed) = (&block[..32], &block[32..96], &block[96..108]);
    let scale = half(block[108], block[109]);
    for (group, values) in values.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let low = packed[group % 8] >> (group / 8 * 4) & 15;
        let high = packed[8 + group % 4] >> (group / 4 * 2) & 3;
        let scale = scale * f32::from((low | high << 4) as i8 - 32);
        // Third bits of 32 values lie in as many bytes, those of the next 32 one bit further.
        let start = group % 2 * 16;
        let third = &third[start..start + 16];
        let quants = two_bits(quants, group).zip(third);
        for (value, (q, third)) in values.iter_mut().zip(quants) {
            let less = (third >> (group / 2) & 1 ^ 1) << 2;
            *value = scale * f32::from(q as i8 - less as i8);
        }
    }
}

/// Scale and minimum, 12 bytes of 8 scales and 8 minima of 6 bits, 128 bytes of two values: `scale * q - minimum`.
#[inline(always)]
pub(crate) fn q4(block: &[u8; 144], values: &mut [f32; 256]) {
    let (scale, minimum) = (half(block[0], block[1]), half(block[2], block[3]));
    let (packed, quants) = (&block[4..16], &block[16..]);
    for (group, values) in values.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (scale, minimum) = six_bits(packed, group, scale, minimum);
        for (value, q) in values.iter_mut().zip(four_bits(quants, group)) {
            *value = scale * f32::from(q) - minimum;
        }
    }
}

/// The same with 32 bytes of fifth bits before the values.
#[inline(always)]
pub(crate) fn q5(block: &[u8; 176], values: &mut [f32; 256]) {
    let (scale, minimum) = (half(block[0], block[1]), half(block[2], block[3]));
    let (packed, fifth, quants) = (&block[4..16], &block[16..48], &block[48..]);
    for (group, values) in values.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (scale, minimum) = six_bits(packed, group, scale, minimum);
        let quants = four_bits(quants, group).zip(fifth);
        for (value, (q, fifth)) in values.iter_mut().zip(quants) {
            let q = q | (fifth >> group & 1) << 4;
            *value = scale * f32::from(q) - minimum;
        }
    }
}

/// 128 bytes of lower four bits, 64 bytes of upper two bits, 16 signed scales, the block's scale: `scale * (q - 32)`.
#[inline(always)]
pub(crate) fn q6(block: &[u8; 210], values: &mut [f32; 256]) {
    let (lower, upper, scales) = (&block[..128], &block[128..192], &block[192..208]);
    let scale = half(block[208], block[209]);
    for (group, values) in values.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        // Each half of the block has 64 bytes of lower bits and 32 of upper bits.
        let (part, within) = (group / 8, group % 8 * 16);
        let low = &lower[part * 64 + within % 64..][..16];
        let high = &upper[part * 32 + within % 32..][..16];
        let (low_shift, high_shift) = (within / 64 * 4, within / 32 * 2);
        let scale = scale * f32::from(scales[group] as i8);
        for (value, (low, high)) in values.iter_mut().zip(low.iter().zip(high)) {
            let q = low >> low_shift & 15 | (high >> high_shift & 3) << 4;
            *value = scale * f32::from(q as i8 - 32);
        }
    }
}

/// The 16 values of a group where 32 bytes hold 128 values: first their lowest two bits, then the next two.
#[inline(always)]
fn two_bits(quants: &[u8], group: usize) -> impl Iterator<Item = u8> {
    let (part, within) = (group / 8, group % 8);
    let start = part * 32 + within % 2 * 16;
    let shift = within / 2 * 2;
    let bytes = quants[start..start + 16].iter();
    bytes.map(move |byte| byte >> shift & 3)
}

/// The 32 values of a group where 32 bytes hold 64 values: first their lower halves.
#[inline(always)]
fn four_bits(quants: &[u8], group: usize) -> impl Iterator<Item = u8> {
    let start = group / 2 * 32;
    let shift = group % 2 * 4;
    let bytes = quants[start..start + 32].iter();
    bytes.map(move |byte| byte >> shift & 15)
}

/// Scale and minimum of one of 8 groups. The first four have their six bits in one byte; the others have four in the last
/// bytes and two on top of those of the first four.
#[inline(always)]
fn six_bits(packed: &[u8], group: usize, scale: f32, minimum: f32) -> (f32, f32) {
    let (s, m) = match group {
        0..4 => (packed[group] & 63, packed[group + 4] & 63),
        _ => {
            let low = packed[group + 4];
            (
                low & 15 | packed[group - 4] >> 2 & 0x30,
                low >> 4 | packed[group] >> 2 & 0x30,
            )
        }
    };
    (scale * f32::from(s), minimum * f32::from(m))
}
