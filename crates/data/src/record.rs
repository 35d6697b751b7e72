//! One record of a file, and what its fields say.

use serde_json::{Map, Value};

use super::{BadLine, forms::Lists, literal::literal, names::is_same};

/// What published test splits have where they keep an answer back.
const KEPT_BACK: &str = "<unk>";

/// One record of a file.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub line: usize,
    pub fields: Map<String, Value>,
    /// Whether its fields are the cells of a table, where nothing and an empty text are the same.
    pub is_row: bool,
}

impl Record {
    /// Names of all fields.
    pub fn names(&self) -> Vec<&str> {
        self.fields.keys().map(String::as_str).collect()
    }

    /// Whether a field says anything.
    pub fn has(&self, field: &str) -> bool {
        self.value(field).is_some()
    }

    /// The name that the file has for a field.
    pub fn name(&self, field: &str) -> Option<String> {
        find(&self.fields, field).map(|(name, _)| name)
    }

    /// What a field says, if it is there and says anything.
    pub fn value(&self, field: &str) -> Option<&Value> {
        let (_, value) = find(&self.fields, field)?;
        let is_blank = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
        let says_nothing = value.is_null() || (self.is_row && is_blank(value));
        (!says_nothing).then_some(value)
    }

    /// An error at a field, by the name that the file has for it.
    pub fn bad(&self, field: &str, problem: impl Into<String>) -> BadLine {
        BadLine {
            line: self.line,
            field: Some(self.name(field).unwrap_or_else(|| field.to_owned())),
            problem: problem.into(),
        }
    }

    /// What a field says that must be there.
    pub fn required(&self, field: &str) -> Result<&Value, BadLine> {
        self.value(field).ok_or_else(|| self.missing(field))
    }

    /// The error of a field that says nothing, or is not there among those that are.
    pub fn missing(&self, field: &str) -> BadLine {
        match self.name(field) {
            Some(_) => self.bad(field, "is empty"),
            None => {
                let names = self.names().join(", ");
                self.bad(field, format!("is missing; the record has {names}"))
            }
        }
    }

    /// A text that says something.
    pub fn text(&self, field: &str) -> Result<String, BadLine> {
        match self.required(field)? {
            Value::String(text) => self.said(field, text),
            _ => Err(self.bad(field, "is not a text")),
        }
    }

    /// A text that says something, or a number or truth value as it is written.
    pub fn scalar(&self, field: &str) -> Result<String, BadLine> {
        match self.required(field)? {
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(value) => Ok(value.to_string()),
            _ => self.text(field),
        }
    }

    fn said(&self, field: &str, text: &str) -> Result<String, BadLine> {
        match text {
            text if text.trim().is_empty() => Err(self.bad(field, "is empty")),
            KEPT_BACK => Err(self.bad(field, format!("is kept back ({KEPT_BACK})"))),
            text => Ok(text.to_owned()),
        }
    }

    /// The entries of a list, which are texts that say something, numbers or truth values.
    pub fn entries(&self, field: &str, list: &[Value]) -> Result<Vec<String>, BadLine> {
        let text = |entry: &Value| match entry {
            Value::String(text) if text.trim().is_empty() => {
                Err(self.bad(field, "has an empty entry"))
            }
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(value) => Ok(value.to_string()),
            _ => Err(self.bad(field, format!("has an entry that is not a text: {entry}"))),
        };
        list.iter().map(text).collect()
    }

    /// A text, a number, a list of them, or several texts in one; none where the list is empty.
    pub fn one_or_more(&self, field: &str, lists: Lists) -> Result<Vec<String>, BadLine> {
        let separator = match lists {
            Lists::Semicolons => Some(';'),
            Lists::Cells if self.is_row => Some('|'),
            Lists::Cells | Lists::No => None,
        };
        let value = self.required(field)?;
        match value {
            Value::String(text) => {
                if let Some(list) = self.list_in_text(field, text, lists)? {
                    return self.entries(field, &list);
                }
                match separator {
                    Some(separator) => Ok(said(text.split(separator))),
                    None => Ok(vec![self.said(field, text)?]),
                }
            }
            // Lists that were written so before somebody split them.
            Value::Array(list) if separator == Some(';') && list.iter().all(Value::is_string) => {
                Ok(said(list.iter().filter_map(Value::as_str)))
            }
            Value::Array(list) => self.entries(field, list),
            Value::Number(_) | Value::Bool(_) => Ok(vec![self.scalar(field)?]),
            _ => Err(self.bad(field, "is not a list of texts")),
        }
    }

    /// A list that was written as a text. Outside of tables, and in fields that have one text by their name, only texts in
    /// quotes make a list: `[1, 2]` may be what is said.
    ///
    /// # Errors
    /// When it begins and ends as a list of texts, but is none: a list that was cut, perhaps.
    pub fn list_in_text(
        &self,
        field: &str,
        text: &str,
        lists: Lists,
    ) -> Result<Option<Vec<Value>>, BadLine> {
        let trimmed = text.trim();
        let inner = trimmed.strip_prefix('[').map(str::trim_start);
        let is_quoted = inner.is_some_and(|inner| inner.starts_with(['\'', '"']));
        let is_plural = self.is_row || lists != Lists::No;
        match literal(trimmed) {
            Some(Value::Array(list)) if is_plural || list.iter().all(Value::is_string) => {
                Ok(Some(list))
            }
            None if is_quoted && is_plural && trimmed.ends_with(']') => {
                Err(self.bad(field, "begins and ends as a list of texts, but is not one"))
            }
            _ => Ok(None),
        }
    }
}

/// A field by its name, or by the names on the way to it with dots between them.
fn find<'a>(fields: &'a Map<String, Value>, path: &str) -> Option<(String, &'a Value)> {
    if let Some(value) = fields.get(path) {
        return Some((path.to_owned(), value));
    }
    if let Some((name, value)) = fields.iter().find(|(name, _)| is_same(name, path)) {
        return Some((name.clone(), value));
    }
    let (head, rest) = path.split_once('.')?;
    let (name, inner) = find(fields, head)?;
    let (rest, value) = find(inner.as_object()?, rest)?;
    Some((format!("{name}.{rest}"), value))
}

/// Entries that say something: lists of published tables end with a separator here and there.
fn said<'a>(entries: impl Iterator<Item = &'a str>) -> Vec<String> {
    let entries = entries.map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(str::to_owned).collect()
}
