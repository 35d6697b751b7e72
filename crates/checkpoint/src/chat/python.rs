//! Texts as Python makes them, which is what templates were written and tested with.

use std::fmt::Write;

use minijinja::{
    Error, ErrorKind,
    value::{Value, ValueKind},
};

/// Spaces of an indent at most.
const WIDEST: usize = 1024;
/// A level of a value within values at most; `messages` go two deep.
const DEEPEST: usize = 64;

/// How JSON is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonStyle {
    /// Spaces of a level; all in one line if none.
    pub indent: Option<usize>,
    /// Whether characters beyond ASCII are escaped.
    pub ascii: bool,
    /// Whether keys are sorted.
    pub sorted: bool,
}

/// As `json.dumps` has it.
pub(super) fn json(value: &Value, style: JsonStyle) -> Result<String, Error> {
    let mut out = String::new();
    style.write(value, 0, &mut out)?;
    Ok(out)
}

impl JsonStyle {
    fn write(self, value: &Value, depth: usize, out: &mut String) -> Result<(), Error> {
        too_deep(depth)?;
        match value.kind() {
            ValueKind::None => out.push_str("null"),
            ValueKind::Bool => append(out, value.is_true())?,
            ValueKind::Number => append(out, value)?,
            ValueKind::String => self.text(value.as_str().unwrap_or_default(), out)?,
            ValueKind::Seq => {
                let items: Vec<Value> = value.try_iter()?.collect();
                self.list(['[', ']'], items, depth, out, |item, out| {
                    self.write(&item, depth + 1, out)
                })?;
            }
            ValueKind::Map => {
                let mut keys: Vec<Value> = value.try_iter()?.collect();
                if self.sorted {
                    keys.sort();
                }
                self.list(['{', '}'], keys, depth, out, |key, out| {
                    self.text(&key.to_string(), out)?;
                    out.push_str(": ");
                    self.write(&value.get_item(&key)?, depth + 1, out)
                })?;
            }
            kind => {
                let problem = format!("{kind} cannot be written as JSON");
                return Err(Error::new(ErrorKind::InvalidOperation, problem));
            }
        }
        Ok(())
    }

    /// Items between brackets; `json.dumps` writes a comma and a space where all is in one line.
    fn list(
        self,
        [open, close]: [char; 2],
        items: Vec<Value>,
        depth: usize,
        out: &mut String,
        mut write: impl FnMut(Value, &mut String) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let is_empty = items.is_empty();
        let line = |out: &mut String, depth: usize| {
            if let Some(indent) = self.indent.filter(|_| !is_empty) {
                out.push('\n');
                out.extend(std::iter::repeat_n(
                    ' ',
                    indent.saturating_mul(depth).min(WIDEST),
                ));
            }
        };
        out.push(open);
        for (place, item) in items.into_iter().enumerate() {
            if place > 0 {
                out.push_str(if self.indent.is_some() { "," } else { ", " });
            }
            line(out, depth + 1);
            write(item, out)?;
        }
        line(out, depth);
        out.push(close);
        Ok(())
    }

    fn text(self, text: &str, out: &mut String) -> Result<(), Error> {
        let quoted = serde_json::to_string(text)
            .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
        for character in quoted.chars() {
            match character {
                _ if character.is_ascii() || !self.ascii => out.push(character),
                _ => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        append(out, format_args!("\\u{unit:04x}"))?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn append(out: &mut String, value: impl std::fmt::Display) -> Result<(), Error> {
    write!(out, "{value}").map_err(|error| Error::new(ErrorKind::WriteFailure, error.to_string()))
}

fn too_deep(depth: usize) -> Result<(), Error> {
    match depth > DEEPEST {
        true => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("a value lies more than {DEEPEST} values deep"),
        )),
        false => Ok(()),
    }
}

/// As the filter `indent` of Jinja has it, for which an end of a line at the end counts: each line but the first after `width`
/// spaces, the first too if `first` says so, and empty ones if `blank` does.
pub(super) fn indent(text: &str, width: usize, first: bool, blank: bool) -> String {
    let spaces = " ".repeat(width.min(WIDEST));
    let lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
    let mut out = String::new();
    for (place, line) in lines.enumerate() {
        out.push_str(if place > 0 { "\n" } else { "" });
        let is_indented = match place {
            0 => first,
            _ => blank || !line.is_empty(),
        };
        out.push_str(if is_indented { &spaces } else { "" });
        out.push_str(line);
    }
    out
}
