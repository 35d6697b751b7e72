//! Tables with a header.

use std::io::Cursor;

use serde_json::{Map, Value};

use super::{super::forms::is_unquoted, BadLine, DatasetError, Line, Record};

/// The rows of a table. Cells are texts.
pub(super) fn rows(name: &str, contents: &str, delimiter: u8) -> Result<Vec<Line>, DatasetError> {
    let columns: Vec<&str> = contents
        .lines()
        .next()
        .map_or(Vec::new(), |header| header.split('\t').collect());
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .quoting(!(delimiter == b'\t' && is_unquoted(&columns)))
        .flexible(true)
        .from_reader(Cursor::new(contents));
    let malformed = |problem: String| DatasetError::Form {
        name: name.to_owned(),
        form: "a table with a header",
        problem,
    };
    let header = reader
        .headers()
        .map_err(|error| malformed(error.to_string()))?;
    let names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    let mut lines = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| malformed(error.to_string()))?;
        let line = row
            .position()
            .map_or(0, |position| position.line() as usize);
        if row.len() != names.len() {
            lines.push(Err(BadLine {
                line,
                field: None,
                problem: format!("has {} cells; the header has {}", row.len(), names.len()),
            }));
            continue;
        }
        let cells = names.iter().cloned().zip(row.iter().map(Value::from));
        lines.push(Ok(Record {
            line,
            fields: cells.collect::<Map<String, Value>>(),
            is_row: true,
        }));
    }
    Ok(lines)
}
