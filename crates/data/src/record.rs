//! One record of a file, and what its fields say.

use serde_json::{Map, Value};

use super::{
    BadLine,
    forms::{Lists, Role},
    layout::Layout,
};

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
        self.value(field)
            .ok_or_else(|| self.bad(field, "is missing"))
    }

    /// A text that says something.
    pub fn text(&self, field: &str) -> Result<String, BadLine> {
        match self.required(field)?.as_str() {
            Some(text) if text.trim().is_empty() => Err(self.bad(field, "is empty")),
            Some(KEPT_BACK) => Err(self.bad(field, format!("is kept back ({KEPT_BACK})"))),
            Some(text) => Ok(text.to_owned()),
            None => Err(self.bad(field, "is not a text")),
        }
    }

    /// A list of texts that say something.
    pub fn texts(&self, field: &str) -> Result<Vec<String>, BadLine> {
        let list = self.required(field)?.as_array();
        let list = list.ok_or_else(|| self.bad(field, "is not a list of texts"))?;
        let text = |entry: &Value| match entry.as_str() {
            Some(text) if text.trim().is_empty() => Err(self.bad(field, "has an empty entry")),
            Some(text) => Ok(text.to_owned()),
            None => Err(self.bad(field, format!("has an entry that is not a text: {entry}"))),
        };
        list.iter().map(text).collect()
    }

    /// A text, a list of texts, or several texts in one; none where the list is empty.
    pub fn one_or_more(&self, field: &str, lists: Lists) -> Result<Vec<String>, BadLine> {
        let separator = match lists {
            Lists::Semicolons => Some(';'),
            Lists::Cells if self.is_row => Some('|'),
            Lists::Cells | Lists::No => None,
        };
        Ok(match (self.required(field)?, separator) {
            (Value::String(_), None) => vec![self.text(field)?],
            (Value::String(text), Some(separator)) => said(text.split(separator)),
            // Lists that were written so before somebody split them.
            (Value::Array(list), Some(';')) if list.iter().all(Value::is_string) => {
                said(list.iter().filter_map(Value::as_str))
            }
            _ => self.texts(field)?,
        })
    }

    /// The text of the one field of a role.
    pub fn role(&self, layout: &Layout, role: Role) -> Result<String, BadLine> {
        self.text(self.field(layout, role))
    }

    /// The first field of a role that is there, else its last one.
    pub fn field<'a>(&self, layout: &'a Layout, role: Role) -> &'a str {
        let mut last = role.name();
        for (field, _) in layout.fields(role) {
            last = field;
            if self.has(field) {
                break;
            }
        }
        last
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

/// Whether two names differ in case, spaces and underscores at most.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other))
}

fn letters(name: &str) -> impl Iterator<Item = char> {
    let letters = name.chars().filter(|letter| !matches!(letter, ' ' | '_'));
    letters.flat_map(char::to_lowercase)
}
