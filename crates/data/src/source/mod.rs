//! From files to records, each with the line that it begins on.

mod json;
#[cfg(not(target_arch = "wasm32"))]
mod parquet;
mod place;
mod quotes;
mod strict;
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
    let extension = extension.as_deref();
    let is_text = matches!(extension, Some("txt" | "md"));
    if !is_text && is_page(contents) {
        return Err(DatasetError::Form {
            name: name.to_owned(),
            form: "a dataset",
            problem: "it is an HTML page, as servers send in place of a file".into(),
        });
    }
    let is_json = matches!(extension, Some("json" | "jsonl" | "ndjson"));
    let records = match (extension, contents.trim_start().chars().next()) {
        (_, None) => {
            let name = name.to_owned();
            return Err(DatasetError::Empty { name, first: None });
        }
        (Some("csv"), _) => table::rows(name, contents, b',')?,
        (Some("tsv"), _) => table::rows(name, contents, b'\t')?,
        (_, Some(first)) if is_json => json(name, contents, first)?,
        _ if is_text => return Ok(Source::Text),
        // Without a known extension, as where JSON lines were made from another form or come through a pipe.
        (_, Some(first @ ('{' | '['))) if json::begins_with_object(contents) => {
            json(name, contents, first)?
        }
        (_, Some(_)) => return Ok(Source::Text),
    };
    Ok(Source::Records(records))
}

/// JSON in whichever of its forms, which extensions do not tell apart reliably.
fn json(name: &str, contents: &str, first: char) -> Result<Vec<Line>, DatasetError> {
    if first == '{'
        && let Some(offset) = json::data(name, contents)?
    {
        return json::array(name, contents, offset);
    }
    let is_whole = json::begins_with_value(contents);
    let is_array = json::begins_with_object(contents) || !is_whole || json::is_one_line(contents);
    match first {
        '[' if is_array => json::array(name, contents, 0),
        '{' if !is_whole && name.to_ascii_lowercase().ends_with(".json") => {
            Ok(json::values(contents))
        }
        _ => Ok(json::lines(contents)),
    }
}

fn is_page(contents: &str) -> bool {
    let start = contents.trim_start();
    ["<!doctype html", "<html"].iter().any(|tag| {
        start
            .get(..tag.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(tag))
    })
}
