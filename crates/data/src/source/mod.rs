//! From files to records, each with the line that it begins on.

mod json;
#[cfg(not(target_arch = "wasm32"))]
mod parquet;
mod table;

#[cfg(not(target_arch = "wasm32"))]
pub use parquet::READER;
#[cfg(not(target_arch = "wasm32"))]
pub(super) use parquet::rows;

use super::{BadLine, DatasetError, record::Record};

/// A record as read, or why it could not be.
pub(super) type Line = Result<Record, BadLine>;

/// What a text file holds.
pub(super) enum Source {
    /// Plain text.
    Text,
    /// Records.
    Records(Vec<Line>),
}

/// Reads a text file by its extension and first character.
pub(super) fn read(name: &str, contents: &str) -> Result<Source, DatasetError> {
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase());
    let records = match (extension.as_deref(), contents.trim_start().chars().next()) {
        (_, None) => {
            let name = name.to_owned();
            return Err(DatasetError::Empty { name, first: None });
        }
        (Some("csv"), _) => table::rows(name, contents, b',')?,
        (Some("tsv"), _) => table::rows(name, contents, b'\t')?,
        (Some("json"), Some('[')) => json::array(name, contents)?,
        (Some("json"), Some('{')) => match json::data(contents) {
            Some(offset) => json::array_at(name, contents, offset)?,
            None => json::lines(contents),
        },
        (Some("json" | "jsonl" | "ndjson"), _) => json::lines(contents),
        (Some("txt" | "md"), _) => return Ok(Source::Text),
        // Without a known extension, as where JSON lines were made from another form or come through a pipe.
        (_, Some('{')) if json::begins_with_object(contents) => json::lines(contents),
        (_, Some(_)) => return Ok(Source::Text),
    };
    Ok(Source::Records(records))
}
