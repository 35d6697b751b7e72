//! JSON lines, and arrays of objects.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Deserializer, Value};

use super::{BadLine, DatasetError, Line, Record};

/// The field that holds the records of a file that is one object.
const DATA: &str = "data";

/// One JSON object a line; empty lines are passed over.
pub(super) fn lines(contents: &str) -> Vec<Line> {
    let lines = contents.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| object(index + 1, line))
        .collect()
}

/// Whether the first line that says anything is a JSON object.
pub(super) fn begins_with_object(contents: &str) -> bool {
    let first = contents.lines().find(|line| !line.trim().is_empty());
    first.is_some_and(|line| object(1, line).is_ok())
}

fn object(line: usize, text: &str) -> Line {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(Record {
            line,
            fields,
            is_row: false,
        }),
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

/// Where the array of records begins in a file that is one object with the records in its field `Data`.
pub(super) fn data(contents: &str) -> Option<usize> {
    let mut cursor = Cursor { contents, at: 0 };
    cursor.passes('{').then_some(())?;
    loop {
        let name: String = cursor.value()?.ok()?;
        cursor.passes(':').then_some(())?;
        if name.eq_ignore_ascii_case(DATA) && cursor.begins('[') {
            return Some(cursor.at);
        }
        cursor.value::<IgnoredAny>()?.ok()?;
        cursor.passes(',').then_some(())?;
    }
}

/// A JSON array of objects.
pub(super) fn array(name: &str, contents: &str) -> Result<Vec<Line>, DatasetError> {
    array_at(name, contents, 0)
}

/// The JSON array of objects that begins at `offset`, read one by one, so that each has its line.
pub(super) fn array_at(
    name: &str,
    contents: &str,
    offset: usize,
) -> Result<Vec<Line>, DatasetError> {
    let malformed = |line: usize, problem: &str| DatasetError::Form {
        name: name.to_owned(),
        form: "a JSON array",
        problem: format!("line {line}: {problem}"),
    };
    let mut cursor = Cursor {
        contents,
        at: offset,
    };
    cursor.passes('[');
    let mut lines = Vec::new();
    let (mut line, mut counted) = (1, 0);
    while !cursor.begins(']') {
        let passed = &contents.as_bytes()[counted..cursor.at];
        line += passed.iter().filter(|byte| **byte == b'\n').count();
        counted = cursor.at;
        let value = match cursor.value() {
            Some(Ok(value)) => value,
            Some(Err(error)) => return Err(malformed(line, &error.to_string())),
            None => return Err(malformed(line, "the array does not end")),
        };
        lines.push(match value {
            Value::Object(fields) => Ok(Record {
                line,
                fields,
                is_row: false,
            }),
            _ => Err(not_an_object(line)),
        });
        if !cursor.passes(',') && !cursor.begins(']') {
            return Err(malformed(line, "expected a comma or the array's end"));
        }
    }
    Ok(lines)
}

/// A place in a JSON text.
struct Cursor<'a> {
    contents: &'a str,
    at: usize,
}

impl Cursor<'_> {
    /// Whether the next character is this one, after white space, which is passed.
    fn begins(&mut self, wanted: char) -> bool {
        let rest = self.contents[self.at..].trim_start();
        self.at = self.contents.len() - rest.len();
        rest.starts_with(wanted)
    }

    /// Passes this character, if it is the next one.
    fn passes(&mut self, wanted: char) -> bool {
        let begins = self.begins(wanted);
        self.at += if begins { wanted.len_utf8() } else { 0 };
        begins
    }

    /// Passes the next value; there is none at the end.
    fn value<T: DeserializeOwned>(&mut self) -> Option<serde_json::Result<T>> {
        let mut values = Deserializer::from_str(&self.contents[self.at..]).into_iter();
        let value = values.next();
        self.at += values.byte_offset();
        value
    }
}
