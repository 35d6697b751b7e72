//! The library of tokenizers, kept from what it panics on, and its panics kept from ending more than they must: it takes
//! much of what `tokenizer.json` says for granted.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::Value;

use super::{TOKENIZER, TokenizerError, error::malformed};
use crate::contained::contained;

/// The sections where the library takes well-formed JSON for granted.
#[derive(Deserialize)]
struct Sections {
    #[serde(default)]
    normalizer: Value,
    /// Only read: that it can be is all that is asked.
    #[serde(default, rename = "decoder")]
    _decoder: Value,
}

/// Refuses a file that the library would panic on for its form.
///
/// # Errors
/// When it is no JSON, or has a table of characters that lies about itself.
pub(super) fn check(contents: &[u8]) -> Result<(), TokenizerError> {
    let sections: Sections =
        serde_json::from_slice(contents).map_err(|error| malformed(TOKENIZER, error))?;
    check_normalizer(&sections.normalizer).map_err(|problem| malformed(TOKENIZER, problem))
}

/// Work of the library on a file; where it panics, the file cannot be used.
///
/// # Errors
/// Those of the work, and when it panics.
pub(super) fn guarded<T>(
    file: &'static str,
    work: impl FnOnce() -> Result<T, TokenizerError>,
) -> Result<T, TokenizerError> {
    contained(work).unwrap_or_else(|panicked| Err(malformed(file, panicked)))
}

/// Checks every table of characters, however deep it lies.
fn check_normalizer(normalizer: &Value) -> Result<(), String> {
    if normalizer.get("type").and_then(Value::as_str) == Some("Precompiled") {
        let table = normalizer
            .get("precompiled_charsmap")
            .and_then(Value::as_str);
        let table = table.ok_or("a Precompiled normalizer has no `precompiled_charsmap`")?;
        let table = STANDARD
            .decode(table)
            .map_err(|error| format!("`precompiled_charsmap`: {error}"))?;
        check_table(&table)?;
    }
    let inner = normalizer.get("normalizers").and_then(Value::as_array);
    inner.into_iter().flatten().try_for_each(check_normalizer)
}

/// SentencePiece's table: the length of a trie in bytes, the trie, and text.
fn check_table(table: &[u8]) -> Result<(), String> {
    let short = || "`precompiled_charsmap` is shorter than it says".to_owned();
    let (length, rest) = table.split_first_chunk().ok_or_else(short)?;
    let length = u32::from_le_bytes(*length) as usize;
    // The library passes over what is left of the last word.
    let text = rest.get(length / 4 * 4..).ok_or_else(short)?;
    match str::from_utf8(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("`precompiled_charsmap`: {error}")),
    }
}
