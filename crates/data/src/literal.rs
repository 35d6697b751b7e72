//! Lists and objects that were written as a text, as tables hold them: in JSON's spelling, in Python's, and in NumPy's.

use serde_json::{Map, Number, Value};

/// Lists within lists at most.
const DEPTH: usize = 8;

/// What a text says that is a list or an object, whole.
pub(super) fn literal(text: &str) -> Option<Value> {
    let text = text.trim();
    if !text.starts_with(['[', '{']) && !text.starts_with("array(") {
        return None;
    }
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    let mut parser = Parser { rest: text };
    let value = parser.value(DEPTH)?;
    parser.rest.trim_start().is_empty().then_some(value)
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    /// Whether this comes next, after white space; it is passed.
    fn passes(&mut self, wanted: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        self.rest = self.rest.trim_start();
        match self.rest.chars().next()? {
            '[' => self.list(depth),
            '{' => self.object(depth),
            '\'' | '"' => self.string().map(Value::String),
            _ if self.passes("array(") => {
                let value = self.list(depth)?;
                if self.passes(",") {
                    self.passes("dtype=").then_some(())?;
                    let end = self.rest.find(')')?;
                    self.rest = self.rest.get(end..)?;
                }
                self.passes(")").then_some(value)
            }
            _ => self.word(),
        }
    }

    /// Entries with commas between them, as Python has them, or without, as NumPy has them; never mixed, which would be
    /// Python's strings in several parts.
    fn list(&mut self, depth: usize) -> Option<Value> {
        self.passes("[").then_some(())?;
        let mut entries = Vec::new();
        let mut commas = 0;
        while !self.passes("]") {
            entries.push(self.value(depth)?);
            commas += usize::from(self.passes(","));
        }
        let is_whole = commas == 0 || commas == entries.len() || commas + 1 == entries.len();
        is_whole.then_some(Value::Array(entries))
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.passes("{").then_some(())?;
        let mut fields = Map::new();
        while !self.passes("}") {
            self.rest = self.rest.trim_start();
            let name = self.string()?;
            self.passes(":").then_some(())?;
            let value = self.value(depth)?;
            if fields.insert(name, value).is_some() {
                return None;
            }
            if !self.passes(",") {
                return self.passes("}").then_some(Value::Object(fields));
            }
        }
        Some(Value::Object(fields))
    }

    fn string(&mut self) -> Option<String> {
        let mut characters = self.rest.chars();
        let quote = characters
            .next()
            .filter(|quote| matches!(quote, '\'' | '"'))?;
        let mut text = String::new();
        loop {
            match characters.next()? {
                end if end == quote => break,
                '\\' => match characters.next()? {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    'x' => text.push(code(&mut characters, 2)?),
                    'u' => text.push(code(&mut characters, 4)?),
                    'U' => text.push(code(&mut characters, 8)?),
                    same @ ('\'' | '"' | '\\') => text.push(same),
                    // Python leaves what it does not know.
                    other => text.extend(['\\', other]),
                },
                other => text.push(other),
            }
        }
        self.rest = characters.as_str();
        Some(text)
    }

    /// A number, or one of Python's names.
    fn word(&mut self) -> Option<Value> {
        let is_part = |part: char| part.is_ascii_alphanumeric() || matches!(part, '+' | '-' | '.');
        let end = self.rest.find(|part| !is_part(part));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        match word {
            "None" | "nan" => Some(Value::Null),
            "True" => Some(true.into()),
            "False" => Some(false.into()),
            _ => match word.parse::<i64>() {
                Ok(whole) => Some(whole.into()),
                Err(_) => Number::from_f64(word.parse().ok()?).map(Value::Number),
            },
        }
    }
}

/// The character of a number with so many hexadecimal digits.
fn code(characters: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let digits: Option<String> = (0..digits).map(|_| characters.next()).collect();
    char::from_u32(u32::from_str_radix(&digits?, 16).ok()?)
}
