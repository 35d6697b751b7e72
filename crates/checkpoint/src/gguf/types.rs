//! ggml's types of tensors, by the numbers that a file has for them.

use crate::tensors::StoredType;

/// What is known of a number.
pub(super) enum Known {
    /// A type that is read.
    Read(StoredType),
    /// One that is not, by its name.
    Unread(&'static str),
    /// None of ggml's.
    Unknown,
}

/// The type of that number in ggml's `enum ggml_type`.
pub(super) const fn known(number: u32) -> Known {
    use StoredType as S;
    Known::Read(match number {
        0 => S::F32,
        1 => S::F16,
        2 => S::Q4_0,
        3 => S::Q4_1,
        6 => S::Q5_0,
        7 => S::Q5_1,
        8 => S::Q8_0,
        10 => S::Q2K,
        11 => S::Q3K,
        12 => S::Q4K,
        13 => S::Q5K,
        14 => S::Q6K,
        20 => S::Iq4Nl,
        23 => S::Iq4Xs,
        30 => S::BF16,
        4 => return Known::Unread("Q4_2"),
        5 => return Known::Unread("Q4_3"),
        9 => return Known::Unread("Q8_1"),
        15 => return Known::Unread("Q8_K"),
        16 => return Known::Unread("IQ2_XXS"),
        17 => return Known::Unread("IQ2_XS"),
        18 => return Known::Unread("IQ3_XXS"),
        19 => return Known::Unread("IQ1_S"),
        21 => return Known::Unread("IQ3_S"),
        22 => return Known::Unread("IQ2_S"),
        24 => return Known::Unread("I8"),
        25 => return Known::Unread("I16"),
        26 => return Known::Unread("I32"),
        27 => return Known::Unread("I64"),
        28 => return Known::Unread("F64"),
        29 => return Known::Unread("IQ1_M"),
        31 => return Known::Unread("Q4_0_4_4"),
        32 => return Known::Unread("Q4_0_4_8"),
        33 => return Known::Unread("Q4_0_8_8"),
        34 => return Known::Unread("TQ1_0"),
        35 => return Known::Unread("TQ2_0"),
        36 => return Known::Unread("IQ4_NL_4_4"),
        37 => return Known::Unread("IQ4_NL_4_8"),
        38 => return Known::Unread("IQ4_NL_8_8"),
        39 => return Known::Unread("MXFP4"),
        40 => return Known::Unread("NVFP4"),
        41 => return Known::Unread("Q1_0"),
        _ => return Known::Unknown,
    })
}

/// The number of a type; that of F32 for types of safetensors that no GGUF file has.
pub(super) fn number(stored: StoredType) -> u32 {
    let numbers = 0..=u32::from(u8::MAX);
    let is_it = |number: &u32| matches!(known(*number), Known::Read(read) if read == stored);
    numbers.into_iter().find(is_it).unwrap_or_default()
}
