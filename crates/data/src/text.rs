//! From a file's bytes to its text: in whatever Unicode form it says it is written, and never from what is no text.

use thiserror::Error;

/// Bytes that are looked at for the byte 0, which no text has.
const LOOKED_AT: usize = 8192;
/// What a JSON header of safetensors may have at most, by the format's own rule.
const SAFETENSORS_HEADER: u64 = 100_000_000;

/// Bytes that are no text, or not one in a known encoding.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotText {
    /// Something else, which is known by how it begins.
    #[error("is {0}, not a text")]
    Known(&'static str),
    /// The place of a file that was not fetched.
    #[error(
        "is a Git LFS pointer, not the file itself; `git lfs pull` in its repository fetches the file"
    )]
    LfsPointer,
    /// A byte 0, which no text has.
    #[error(
        "is not a text: byte {at} is 0, as in binary files and in UTF-16 without a byte order mark; save it as UTF-8"
    )]
    Zero {
        /// Its place, from 0.
        at: usize,
    },
    /// Not UTF-8, though nothing says that it is anything else.
    #[error(
        "is not UTF-8: byte {at}, on line {line}, is 0x{byte:02x}; it may be Latin-1 or Windows-1252: save it as UTF-8"
    )]
    NotUtf8 {
        /// Place of the first byte at fault, from 0.
        at: usize,
        /// Its line, from 1.
        line: usize,
        /// The byte.
        byte: u8,
    },
    /// A byte order mark of UTF-16 before what is not UTF-16.
    #[error(
        "begins with the byte order mark of UTF-16, but is not UTF-16 at byte {at}; save it as UTF-8"
    )]
    NotUtf16 {
        /// Place of the first unit at fault, from 0.
        at: usize,
    },
    /// A byte order mark of UTF-32.
    #[error("is UTF-32, which is not read; save it as UTF-8")]
    Utf32,
}

/// How files begin that are often taken for another.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"PAR1", "Parquet"),
    (b"ARROW1", "Arrow"),
    (b"GGUF", "GGUF weights"),
    (
        b"PK\x03\x04",
        "a ZIP archive (as .docx, .xlsx, .npz and .pt are)",
    ),
    (b"%PDF-", "PDF"),
    (b"\x1f\x8b", "packed by gzip"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd"),
    (b"\xfd7zXZ\x00", "packed by xz"),
    (b"\x04\x22\x4d\x18", "packed by lz4"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x89HDF", "HDF5"),
    (b"\x7fELF", "a program"),
    (b"\0asm", "WebAssembly"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"{\\rtf", "RTF"),
];

/// What Git LFS leaves in the place of a file.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";

/// What a file is that is no text, if its beginning tells.
pub fn known_binary(bytes: &[u8]) -> Option<&'static str> {
    let header = bytes.first_chunk().copied().map(u64::from_le_bytes);
    let header = header.filter(|_| bytes.get(8) == Some(&b'{'));
    if header.is_some_and(|header| header <= SAFETENSORS_HEADER) {
        return Some("weights as safetensors");
    }
    let pickle = |version| bytes.starts_with(&[0x80, version]);
    if (2..=5).any(pickle) {
        return Some("a Python pickle (as older .pt and .bin files are)");
    }
    let bzip2 = bytes.starts_with(b"BZh") && bytes.get(4..10) == Some(b"1AY&SY");
    let known = SIGNATURES
        .iter()
        .find(|(begin, _)| bytes.starts_with(begin));
    known
        .map(|(_, what)| *what)
        .or(bzip2.then_some("packed by bzip2"))
}

/// The text of a file: UTF-8, or UTF-16 with its byte order mark. The mark itself is no part of the text.
///
/// # Errors
/// When it is no text, or not in one of these encodings.
pub fn text_of(bytes: &[u8]) -> Result<String, NotText> {
    if bytes.starts_with(LFS) {
        return Err(NotText::LfsPointer);
    }
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(NotText::Utf32),
        [0xff, 0xfe, units @ ..] => return utf16(units, u16::from_le_bytes),
        [0xfe, 0xff, units @ ..] => return utf16(units, u16::from_be_bytes),
        _ => {}
    }
    if let Some(what) = known_binary(bytes) {
        return Err(NotText::Known(what));
    }
    if let Some(at) = bytes.iter().take(LOOKED_AT).position(|byte| *byte == 0) {
        return Err(NotText::Zero { at });
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(without_mark(text).to_owned()),
        Err(error) => {
            let at = error.valid_up_to();
            let before = bytes.get(..at).unwrap_or_default();
            Err(NotText::NotUtf8 {
                at,
                line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
                byte: bytes.get(at).copied().unwrap_or_default(),
            })
        }
    }
}

/// A text without the byte order mark that spreadsheets and some editors put before UTF-8.
pub(super) fn without_mark(text: &str) -> &str {
    text.trim_start_matches('\u{feff}')
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, NotText> {
    let (units, rest) = bytes.as_chunks();
    let mut text = String::with_capacity(bytes.len() / 2);
    // The mark has two bytes.
    let mut at = 2;
    for character in char::decode_utf16(units.iter().copied().map(unit)) {
        let character = character.map_err(|_| NotText::NotUtf16 { at })?;
        at += 2 * character.len_utf16();
        text.push(character);
    }
    match rest.is_empty() {
        true => Ok(without_mark(&text).to_owned()),
        false => Err(NotText::NotUtf16 { at }),
    }
}
