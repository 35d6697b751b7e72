//! JSON lines, arrays of objects, and objects that hold one such array.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Deserializer, Value};

use super::{
    BadLine, DatasetError, Line, Record,
    place::{self, LineCounter},
    strict::Strict,
};

/// Fields that hold the records of a file that is one object: published files' own, and splits.
const DATA: [&str; 14] = [
    "data",
    "rows",
    "records",
    "items",
    "examples",
    "instances",
    "samples",
    "questions",
    "train",
    "training",
    "validation",
    "valid",
    "dev",
    "test",
];

/// One JSON object a line; empty lines are passed over.
pub(super) fn lines(contents: &str) -> Vec<Line> {
    let lines = place::lines(contents).filter(|(_, line)| !line.trim().is_empty());
    lines
        .flat_map(|(number, line)| on_line(number, line))
        .collect()
}

/// The objects of one line: some writers leave out the line break between two.
fn on_line(number: usize, line: &str) -> Vec<Line> {
    let mut found = Vec::new();
    for value in Deserializer::from_str(line).into_iter::<Strict>() {
        let is_bad = value.is_err();
        found.push(match value {
            Ok(Strict(value)) => object(number, value),
            Err(error) => Err(malformed(number, &error)),
        });
        if is_bad {
            break;
        }
    }
    found
}

/// JSON objects one after the other, each on as many lines as it takes. Reading goes on with the line after a broken one's
/// first.
pub(super) fn values(contents: &str) -> Vec<Line> {
    let mut cursor = Cursor { contents, at: 0 };
    let mut counter = LineCounter::new(contents);
    let mut found = Vec::new();
    while !cursor.is_at_end() {
        let begin = cursor.at;
        let line = counter.line(begin);
        match cursor.value() {
            Some(Ok(Strict(value))) => found.push(object(line, value)),
            Some(Err(error)) => {
                found.push(Err(malformed(line, &error)));
                let rest = &contents[begin..];
                cursor.at = rest
                    .find(['\n', '\r'])
                    .map_or(contents.len(), |end| begin + end);
            }
            None => break,
        }
    }
    found
}

/// Whether the first line that says anything is whole by itself, as in JSON lines.
pub(super) fn begins_with_value(contents: &str) -> bool {
    let mut lines = place::lines(contents);
    let first = lines.find(|(_, line)| !line.trim().is_empty());
    first.is_some_and(|(_, line)| serde_json::from_str::<IgnoredAny>(line).is_ok())
}

/// Whether no second line says anything.
pub(super) fn is_one_line(contents: &str) -> bool {
    let lines = place::lines(contents).filter(|(_, line)| !line.trim().is_empty());
    lines.take(2).count() == 1
}

/// Whether a text is meant to be JSON: an object's first key follows its brace.
pub(super) fn begins_with_object(contents: &str) -> bool {
    let mut cursor = Cursor { contents, at: 0 };
    cursor.passes('[');
    cursor.passes('{') && (cursor.begins('"') || cursor.begins('}'))
}

fn object(line: usize, value: Value) -> Line {
    match value {
        Value::Object(fields) => Ok(Record {
            line,
            fields,
            is_row: false,
        }),
        _ => Err(BadLine {
            line,
            field: None,
            problem: "is JSON, but not an object".into(),
        }),
    }
}

fn malformed(line: usize, error: &serde_json::Error) -> BadLine {
    BadLine {
        line,
        field: None,
        problem: format!(
            "is not JSON, at column {}: {}",
            error.column(),
            reason(error)
        ),
    }
}

/// Why, without the place, which is told otherwise.
fn reason(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let said = said.strip_suffix(&place).unwrap_or(&said);
    match said {
        "unexpected end of hex escape" | "lone leading surrogate in hex escape" => {
            "half a surrogate pair, which is no character".into()
        }
        said => said.into(),
    }
}

/// Where the array of records begins in a file that is one object with the records in a field of it.
///
/// # Errors
/// When there are several: which is meant is not for us to say.
pub(super) fn data(name: &str, contents: &str) -> Result<Option<usize>, DatasetError> {
    let found = containers(contents).unwrap_or_default();
    match &found[..] {
        [] => Ok(None),
        [(_, offset)] => Ok(Some(*offset)),
        several => {
            let names: Vec<&str> = several.iter().map(|(name, _)| name.as_str()).collect();
            Err(DatasetError::Form {
                name: name.to_owned(),
                form: "one list of records",
                problem: format!(
                    "it holds {}; give the one that is meant as a file",
                    names.join(", ")
                ),
            })
        }
    }
}

/// The fields of an object that fills the file which may hold records, with where their arrays begin; nothing where it is no
/// such object.
fn containers(contents: &str) -> Option<Vec<(String, usize)>> {
    let mut cursor = Cursor { contents, at: 0 };
    let mut found = Vec::new();
    cursor.passes('{').then_some(())?;
    while !cursor.passes('}') {
        let name: String = cursor.value()?.ok()?;
        cursor.passes(':').then_some(())?;
        let is_list = cursor.begins('[') && DATA.iter().any(|data| name.eq_ignore_ascii_case(data));
        let begin = cursor.at;
        if is_list && is_of_records(contents.get(begin..)?) {
            found.push((name, begin));
        }
        match cursor.value::<IgnoredAny>() {
            Some(Ok(_)) => {}
            // Whoever reads the array finds the line at fault.
            _ if is_list => return Some(found),
            _ => return None,
        }
        if !cursor.passes(',') && !cursor.begins('}') {
            return None;
        }
    }
    cursor.is_at_end().then_some(found)
}

/// Whether an array is empty or begins with an object.
fn is_of_records(contents: &str) -> bool {
    let mut cursor = Cursor { contents, at: 0 };
    cursor.passes('[') && (cursor.begins('{') || cursor.begins(']'))
}

/// The JSON array of objects that begins at `offset`, read one by one, so that each has its line. An array that is not part
/// of an object must be all that there is.
pub(super) fn array(name: &str, contents: &str, offset: usize) -> Result<Vec<Line>, DatasetError> {
    let malformed = |line: usize, problem: &str| DatasetError::Form {
        name: name.to_owned(),
        form: "a JSON array",
        problem: format!("line {line}: {problem}"),
    };
    let is_whole = contents[..offset].trim().is_empty();
    let mut counter = LineCounter::new(contents);
    let mut cursor = Cursor {
        contents,
        at: offset,
    };
    cursor.passes('[');
    let mut lines = Vec::new();
    while !cursor.passes(']') {
        let line = counter.line(cursor.at);
        let value = match cursor.value() {
            Some(Ok(Strict(value))) => value,
            Some(Err(error)) => return Err(malformed(line, &reason(&error))),
            None => return Err(malformed(line, "the array does not end")),
        };
        lines.push(object(line, unwrapped(value)));
        if !cursor.passes(',') && !cursor.begins(']') {
            return Err(malformed(line, "expected a comma or the array's end"));
        }
    }
    if is_whole && !cursor.is_at_end() {
        let line = counter.line(cursor.at);
        return Err(malformed(line, "there is more after the array's end"));
    }
    Ok(lines)
}

/// A row without what the Hub's viewer puts around it.
fn unwrapped(mut value: Value) -> Value {
    let row = value
        .as_object_mut()
        .filter(|row| row.contains_key("row_idx"));
    match row.and_then(|row| row.remove("row")) {
        Some(row) if row.is_object() => row,
        _ => value,
    }
}

/// A place in a JSON text.
struct Cursor<'a> {
    contents: &'a str,
    at: usize,
}

impl Cursor<'_> {
    /// Passes white space.
    fn rest(&mut self) -> &str {
        let rest = self.contents[self.at..].trim_start();
        self.at = self.contents.len() - rest.len();
        rest
    }

    fn is_at_end(&mut self) -> bool {
        self.rest().is_empty()
    }

    /// Whether the next character is this one, after white space, which is passed.
    fn begins(&mut self, wanted: char) -> bool {
        self.rest().starts_with(wanted)
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
