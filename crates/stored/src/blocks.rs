//! Values of stored blocks, by the layouts of ggml's block structures (`ggml-common.h`): each product and sum is rounded to
//! f32 in the order in which ggml's reference takes them, so that values are equal to the last bit.

use half::{bf16, f16};
use pulp::{Arch, Simd, WithSimd};

use crate::{StoredType, iq, k, legacy};

/// Values of whole blocks. `bytes` and `values` must hold as many blocks; what is left over on either side is not touched.
/// Types that are not read give nothing.
pub(crate) fn decode(stored: StoredType, bytes: &[u8], values: &mut [f32]) {
    let decode = Decode {
        stored,
        bytes,
        values,
    };
    match cfg!(target_arch = "wasm32") {
        // There is one width of instructions there.
        true => decode.by_type(),
        false => Arch::new().dispatch(decode),
    }
}

struct Decode<'a> {
    stored: StoredType,
    bytes: &'a [u8],
    values: &'a mut [f32],
}

impl WithSimd for Decode<'_> {
    type Output = ();

    /// Loops that the compiler makes wide instructions of.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.by_type();
    }
}

impl Decode<'_> {
    #[inline(always)]
    fn by_type(self) {
        let Self {
            stored,
            bytes,
            values,
        } = self;
        match stored {
            StoredType::F32 => each(bytes, values, |bytes: &[u8; 4], [value]| {
                *value = f32::from_le_bytes(*bytes);
            }),
            StoredType::F16 => each(bytes, values, |bytes: &[u8; 2], [value]| {
                *value = f16::from_le_bytes(*bytes).to_f32();
            }),
            StoredType::BF16 => each(bytes, values, |bytes: &[u8; 2], [value]| {
                *value = bf16::from_le_bytes(*bytes).to_f32();
            }),
            StoredType::Q4_0 => each(bytes, values, legacy::q4_0),
            StoredType::Q4_1 => each(bytes, values, legacy::q4_1),
            StoredType::Q5_0 => each(bytes, values, legacy::q5_0),
            StoredType::Q5_1 => each(bytes, values, legacy::q5_1),
            StoredType::Q8_0 => each(bytes, values, legacy::q8_0),
            StoredType::Q2K => each(bytes, values, k::q2),
            StoredType::Q3K => each(bytes, values, k::q3),
            StoredType::Q4K => each(bytes, values, k::q4),
            StoredType::Q5K => each(bytes, values, k::q5),
            StoredType::Q6K => each(bytes, values, k::q6),
            StoredType::Iq4Nl => each(bytes, values, iq::iq4_nl),
            StoredType::Iq4Xs => each(bytes, values, iq::iq4_xs),
            StoredType::Other(_) => {}
        }
    }
}

/// Block after block.
#[inline(always)]
fn each<const B: usize, const V: usize>(
    bytes: &[u8],
    values: &mut [f32],
    decode: impl Fn(&[u8; B], &mut [f32; V]),
) {
    let blocks = bytes.as_chunks::<B>().0;
    for (block, values) in blocks.iter().zip(values.as_chunks_mut::<V>().0) {
        decode(block, values);
    }
}

/// A half-precision number of two bytes.
#[inline(always)]
pub(crate) fn half(low: u8, high: u8) -> f32 {
    f16::from_le_bytes([low, high]).to_f32()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [StoredType; 15] = [
        StoredType::F32,
        StoredType::F16,
        StoredType::BF16,
        StoredType::Q4_0,
        StoredType::Q4_1,
        StoredType::Q5_0,
        StoredType::Q5_1,
        StoredType::Q8_0,
        StoredType::Q2K,
        StoredType::Q3K,
        StoredType::Q4K,
        StoredType::Q5K,
        StoredType::Q6K,
        StoredType::Iq4Nl,
        StoredType::Iq4Xs,
    ];

    #[test]
    fn a_block_takes_the_bytes_that_its_type_says() {
        for stored in ALL {
            let Some(block) = stored.block() else {
                unreachable!("{stored}");
            };
            // Scales of 1 and full bits: no value stays what it was, and no more of them are written.
            let bytes = vec![0x3c; block.bytes * 2];
            let mut values = vec![f32::NAN; block.values * 2 + 1];
            decode(stored, &bytes, &mut values);
            let (last, all) = values.split_last().unwrap_or((&0.0, &[]));
            assert!(last.is_nan(), "{stored}");
            assert!(all.iter().all(|value| !value.is_nan()), "{stored}");
            assert_eq!(all[..block.values], all[block.values..], "{stored}");
        }
    }
}
