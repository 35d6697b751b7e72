//! Tables with a header.

use std::{collections::HashSet, io::Cursor};

use serde_json::{Map, Value};

use super::{
    super::{forms::is_unquoted, literal::literal},
    BadLine, DatasetError, Line, Record,
    place::LineCounter,
    quotes,
};

/// What parts the cells of tables, by whatever name.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The rows of a table. Cells are texts, or objects that were written as texts. A header without the delimiter that the
/// file's name promises is parted by another one, if it has one.
pub(super) fn rows(name: &str, contents: &str, delimiter: u8) -> Result<Vec<Line>, DatasetError> {
    let malformed = |problem: String| DatasetError::Form {
        name: name.to_owned(),
        form: "a table with a header",
        problem,
    };
    // A spreadsheet's own line, which says what parts cells.
    let begin = match contents.get(..4) {
        Some("sep=") => contents.find(['\n', '\r']).unwrap_or(contents.len()),
        _ => 0,
    };
    let table = &contents[begin..];
    let mut counter = LineCounter::new(contents);
    let delimiter = header_delimiter(table, delimiter).map_err(malformed)?;
    let columns: Vec<&str> = table
        .lines()
        .find(|line| !line.trim().is_empty())
        .map_or(Vec::new(), |header| header.split('\t').collect());
    let quoting = !(delimiter == b'\t' && is_unquoted(&columns));
    if quoting && let Some((at, fault)) = quotes::fault(table, delimiter) {
        return Err(malformed(format!(
            "line {}: {fault}",
            counter.line(begin + at)
        )));
    }
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .quoting(quoting)
        .flexible(true)
        .from_reader(Cursor::new(table));
    let header = reader
        .headers()
        .map_err(|error| malformed(error.to_string()))?;
    let names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    let mut seen = HashSet::new();
    if let Some(twice) = names
        .iter()
        .find(|name| !name.is_empty() && !seen.insert(*name))
    {
        return Err(malformed(format!("two columns are called `{twice}`")));
    }
    let mut lines = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| malformed(error.to_string()))?;
        // Spreadsheets write rows that hold nothing.
        if row.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let place = row
            .position()
            .map_or(0, |position| position.byte() as usize);
        let blank = table.get(place..).unwrap_or_default();
        let blank = blank.len() - blank.trim_start_matches(['\n', '\r']).len();
        let line = counter.line(begin + place + blank);
        if row.len() != names.len() {
            lines.push(Err(BadLine {
                line,
                field: None,
                problem: format!("has {} cells; the header has {}", row.len(), names.len()),
            }));
            continue;
        }
        let cells = names.iter().cloned().zip(row.iter().map(cell));
        lines.push(Ok(Record {
            line,
            fields: cells.collect::<Map<String, Value>>(),
            is_row: true,
        }));
    }
    Ok(lines)
}

/// What parts the header: what is promised, unless that leaves one column and another leaves several.
fn header_delimiter(table: &str, promised: u8) -> Result<u8, String> {
    // How many columns there are, and where the header ends.
    let columns = |delimiter: u8| {
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader.delimiter(delimiter).from_reader(Cursor::new(table));
        let columns = reader.headers().map(csv::StringRecord::len)?;
        Ok((columns, reader.position().byte() as usize))
    };
    let (promises, end) = columns(promised).map_err(|error: csv::Error| error.to_string())?;
    if promises != 1 {
        return Ok(promised);
    }
    // A reader takes longer to build than a header to read, and what is not in the header cannot part it.
    let header = &table.as_bytes()[..end];
    let several = |delimiter: &u8| {
        header.contains(delimiter) && columns(*delimiter).is_ok_and(|(columns, _)| columns > 1)
    };
    Ok(DELIMITERS.into_iter().find(several).unwrap_or(promised))
}

/// A cell: objects lie in it where a nested column was saved to a table.
fn cell(text: &str) -> Value {
    let is_object = text.trim_start().starts_with('{');
    let object = is_object.then(|| literal(text)).flatten();
    object.unwrap_or_else(|| text.into())
}
