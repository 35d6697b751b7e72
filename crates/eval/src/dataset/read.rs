//! From a file's text to its records, each with the line that it begins on.

use std::{collections::BTreeSet, io::Cursor};

use serde_json::{Deserializer, Map, Value};

use super::{
    BadLine, DatasetError, Items,
    record::{Item, Kind, Record},
};

/// A record as read, or why it could not be.
type Line = Result<Record, BadLine>;

/// Separates the entries of a list within one cell of a table.
const LIST_SEPARATOR: char = '|';

/// All items, and the lines that were passed over.
pub(super) fn items(
    name: &str,
    contents: &str,
    skip_bad: bool,
) -> Result<(Items, Vec<BadLine>), DatasetError> {
    // Spreadsheets put one before UTF-8.
    let contents = contents.trim_start_matches('\u{feff}');
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase());
    let lines = match (extension.as_deref(), contents.trim_start().chars().next()) {
        (_, None) => {
            let name = name.to_owned();
            return Err(DatasetError::Empty { name, first: None });
        }
        (Some("csv"), _) => table(name, contents, b',')?,
        (Some("tsv"), _) => table(name, contents, b'\t')?,
        (Some("json"), Some('[')) => array(name, contents)?,
        (Some("json" | "jsonl" | "ndjson"), _) => json_lines(contents),
        (Some("txt" | "md"), _) | (_, Some(_)) => {
            return Ok((Items::Text(contents.to_owned()), Vec::new()));
        }
    };
    collect(name, lines, skip_bad)
}

/// Turns records into items of the kind that the first good one is of.
fn collect(
    name: &str,
    lines: Vec<Line>,
    skip_bad: bool,
) -> Result<(Items, Vec<BadLine>), DatasetError> {
    let (mut choices, mut answers, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    let mut kind = None;
    let mut skipped = Vec::new();
    for line in lines {
        let item = line.and_then(|record| match kind {
            Some(kind) => record.item(kind),
            None => record.item(record.kind()?),
        });
        kind = match item {
            Ok(Item::Choice(item)) => {
                choices.push(item);
                Some(Kind::Choices)
            }
            Ok(Item::Answer(item)) => {
                answers.push(item);
                Some(Kind::Answers)
            }
            Ok(Item::Label(item)) => {
                labels.push(item);
                Some(Kind::Labels)
            }
            Err(bad) if skip_bad => {
                skipped.push(bad);
                kind
            }
            Err(bad) => {
                let name = name.to_owned();
                return Err(DatasetError::Line { name, bad });
            }
        };
    }
    let items = match kind {
        Some(Kind::Choices) => Items::Choices(choices),
        Some(Kind::Answers) => Items::Answers(answers),
        Some(Kind::Labels) => {
            let classes: BTreeSet<&str> = labels.iter().map(|item| item.label.as_str()).collect();
            if classes.len() == 1 {
                return Err(DatasetError::OneClass {
                    name: name.to_owned(),
                    label: classes.into_iter().collect(),
                });
            }
            Items::Labels(labels)
        }
        None => {
            return Err(DatasetError::Empty {
                name: name.to_owned(),
                first: skipped.into_iter().next(),
            });
        }
    };
    Ok((items, skipped))
}

/// One JSON object a line; empty lines are passed over.
fn json_lines(contents: &str) -> Vec<Line> {
    let lines = contents.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| object(index + 1, line))
        .collect()
}

/// A JSON array of objects, read one by one, so that each has its line.
fn array(name: &str, contents: &str) -> Result<Vec<Line>, DatasetError> {
    let malformed = |line: usize, problem: &str| DatasetError::Form {
        name: name.to_owned(),
        form: "a JSON array",
        problem: format!("line {line}: {problem}"),
    };
    let skip_space = |offset: usize| {
        let rest = contents[offset..].trim_start();
        contents.len() - rest.len()
    };
    let mut lines = Vec::new();
    // Past the bracket that told the form.
    let mut offset = skip_space(0) + 1;
    let (mut line, mut counted) = (1, 0);
    loop {
        offset = skip_space(offset);
        let passed = &contents.as_bytes()[counted..offset];
        line += passed.iter().filter(|byte| **byte == b'\n').count();
        counted = offset;
        if contents[offset..].starts_with(']') {
            break;
        }
        let mut values = Deserializer::from_str(&contents[offset..]).into_iter::<Value>();
        let value = match values.next() {
            Some(Ok(value)) => value,
            Some(Err(error)) => return Err(malformed(line, &error.to_string())),
            None => return Err(malformed(line, "the array does not end")),
        };
        lines.push(match value {
            Value::Object(fields) => Ok(Record { line, fields }),
            _ => Err(not_an_object(line)),
        });
        offset = skip_space(offset + values.byte_offset());
        match contents[offset..].chars().next() {
            Some(',') => offset += 1,
            Some(']') => {}
            _ => return Err(malformed(line, "expected a comma or the array's end")),
        }
    }
    Ok(lines)
}

fn object(line: usize, text: &str) -> Line {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(Record { line, fields }),
        Ok(_) => Err(not_an_object(line)),
        Err(error) => Err(BadLine {
            line,
            field: None,
            problem: format!("is not JSON, at column {}", error.column()),
        }),
    }
}

fn not_an_object(line: usize) -> BadLine {
    BadLine {
        line,
        field: None,
        problem: "is JSON, but not an object".into(),
    }
}

/// A table with a header. Cells are texts; what should be a list has its entries separated by `|`.
fn table(name: &str, contents: &str, delimiter: u8) -> Result<Vec<Line>, DatasetError> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
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
    let names: Vec<String> = header
        .iter()
        .map(|name| name.trim().to_lowercase().replace(' ', "_"))
        .collect();
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
        let fields = names.iter().zip(&row).map(|(name, cell)| {
            let value = match name.as_str() {
                "choices" | "aliases" | "answers" => cell
                    .split(LIST_SEPARATOR)
                    .map(|entry| entry.trim())
                    .collect(),
                _ => Value::from(cell),
            };
            (name.clone(), value)
        });
        let fields: Map<String, Value> = fields.collect();
        lines.push(Ok(Record { line, fields }));
    }
    Ok(lines)
}
