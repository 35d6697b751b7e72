//! What a GGUF file says of itself: values by key, each with its type.

use std::{collections::BTreeMap, ops::Range};

use super::{
    GgufError,
    cursor::{Cursor, Stop},
};

/// A value that is no list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    /// A whole number that is not negative.
    Natural(u64),
    /// A negative whole number.
    Negative(i64),
    /// A number in single precision.
    F32(f32),
    /// A number in double precision.
    F64(f64),
    Bool(bool),
    Text(String),
}

/// A list: where it lies among the bytes of the header.
#[derive(Debug, Clone, PartialEq)]
struct List {
    kind: u32,
    count: u64,
    start: usize,
}

/// The values of one file. Lists stay as they are in the bytes of its header, since some have a quarter of a million
/// entries.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    header: Vec<u8>,
    scalars: BTreeMap<String, Scalar>,
    lists: BTreeMap<String, List>,
    /// Where each pair lies among the bytes of the header, in the order of the file.
    places: Vec<(String, Range<usize>)>,
}

const BOOL: u32 = 7;
const TEXT: u32 = 8;
const LIST: u32 = 9;
/// Bytes that a key and its value take at least.
const LEAST_PAIR: u64 = 8 + 4 + 1;

impl Metadata {
    /// Reads the pairs that follow in a file's header.
    pub(super) fn read(cursor: &mut Cursor<'_>, pairs: u64) -> Result<Self, Stop> {
        let mut metadata = Self::default();
        for _ in 0..pairs {
            let start = cursor.place();
            let key = cursor.string("a key of the metadata")?;
            let kind = cursor.u32("the type of a value")?;
            let is_new = if kind == LIST {
                let list = list(cursor, key)?;
                metadata.lists.insert(key.to_owned(), list).is_none()
            } else {
                let scalar = scalar(cursor, kind, key)?;
                metadata.scalars.insert(key.to_owned(), scalar).is_none()
            };
            let elsewhere = match kind {
                LIST => metadata.scalars.contains_key(key),
                _ => metadata.lists.contains_key(key),
            };
            if !is_new || elsewhere {
                return Err(Stop::Bad(format!("the key `{key}` is there twice")));
            }
            metadata
                .places
                .push((key.to_owned(), start..cursor.place()));
        }
        Ok(metadata)
    }

    pub(super) const fn least_pair() -> u64 {
        LEAST_PAIR
    }

    /// The same with the bytes that it was read from.
    pub(super) fn with_header(self, header: Vec<u8>) -> Self {
        Self { header, ..self }
    }

    /// Every pair as it is stored, key and value.
    pub fn stored(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let places = self.places.iter();
        places.filter_map(|(key, place)| Some((key.as_str(), self.header.get(place.clone())?)))
    }

    /// Every key.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let keys = self.scalars.keys().chain(self.lists.keys());
        keys.map(String::as_str)
    }

    /// A value as it is; none where there is none or it is a list.
    pub fn scalar(&self, key: &str) -> Option<&Scalar> {
        self.scalars.get(key)
    }

    /// A text, none where there is no such key.
    pub fn text(&self, key: &str) -> Result<Option<&str>, GgufError> {
        self.typed(key, "a text", |value| match value {
            Scalar::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// A whole number that is not negative, none where there is no such key.
    pub fn natural(&self, key: &str) -> Result<Option<u64>, GgufError> {
        self.typed(key, "a whole number", |value| match value {
            Scalar::Natural(number) => Some(*number),
            _ => None,
        })
    }

    /// True or false, none where there is no such key.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, GgufError> {
        self.typed(key, "true or false", |value| match value {
            Scalar::Bool(flag) => Some(*flag),
            _ => None,
        })
    }

    /// A finite number, none where there is no such key. What is stored in single precision is taken as the shortest
    /// decimal number that is stored so: `config.json` had that.
    pub fn number(&self, key: &str) -> Result<Option<f64>, GgufError> {
        self.typed(key, "a finite number", |value| {
            let number = match value {
                Scalar::Natural(number) => *number as f64,
                Scalar::Negative(number) => *number as f64,
                Scalar::F32(number) => shortest(*number),
                Scalar::F64(number) => *number,
                Scalar::Bool(_) | Scalar::Text(_) => return None,
            };
            number.is_finite().then_some(number)
        })
    }

    /// A whole number, which may be written once for every layer if it is the same for all of them.
    pub fn same_natural(&self, key: &str) -> Result<Option<u64>, GgufError> {
        let Some(list) = self.lists.get(key) else {
            return self.natural(key);
        };
        let mut numbers = self.numbers(key, list)?;
        let first = numbers.next();
        match first {
            Some(first) if first >= 0.0 && first.fract() == 0.0 && numbers.all(|n| n == first) => {
                Ok(Some(first as u64))
            }
            _ => Err(GgufError::Unsupported {
                key: key.to_owned(),
                found: "a list of different numbers".to_owned(),
                supported: "read are models whose layers are all alike".to_owned(),
            }),
        }
    }

    /// Entries of a list, none where there is no such key.
    pub fn length(&self, key: &str) -> Option<u64> {
        self.lists.get(key).map(|list| list.count)
    }

    /// Texts of a list, none where there is no such key.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<&str>>, GgufError> {
        let Some(list) = self.list(key, "a list of texts", |kind| kind == TEXT)? else {
            return Ok(None);
        };
        let header = self.header.get(list.start..).unwrap_or_default();
        let mut cursor = Cursor::new(header, header.len() as u64);
        // Each has been read before: the number of them is believed.
        let mut texts = Vec::with_capacity(list.count as usize);
        for place in 0..list.count {
            let text = cursor.string("a text").map_err(|_| GgufError::Metadata {
                key: key.to_owned(),
                problem: format!("is not UTF-8 in entry {place}"),
            })?;
            texts.push(text);
        }
        Ok(Some(texts))
    }

    /// Numbers of a list, none where there is no such key.
    pub fn list_of_numbers(
        &self,
        key: &str,
    ) -> Result<Option<impl Iterator<Item = f64>>, GgufError> {
        let list = self.list(key, "a list of numbers", |_| true)?;
        list.map(|list| self.numbers(key, list)).transpose()
    }

    /// Numbers of a list; true and false are 1 and 0.
    fn numbers(&self, key: &str, list: &List) -> Result<impl Iterator<Item = f64>, GgufError> {
        let kind = list.kind;
        let Some(width) = width(kind) else {
            return Err(wrong(key, "a list of numbers"));
        };
        let header = self.header.get(list.start..).unwrap_or_default();
        let numbers = header.chunks_exact(width).take(list.count as usize);
        Ok(numbers.map(move |bytes| number(kind, bytes)))
    }

    fn list(
        &self,
        key: &str,
        expected: &str,
        is_right: impl Fn(u32) -> bool,
    ) -> Result<Option<&List>, GgufError> {
        match self.lists.get(key) {
            Some(list) if is_right(list.kind) => Ok(Some(list)),
            None if !self.scalars.contains_key(key) => Ok(None),
            _ => Err(wrong(key, expected)),
        }
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        expected: &str,
        read: impl Fn(&'a Scalar) -> Option<T>,
    ) -> Result<Option<T>, GgufError> {
        match self.scalars.get(key) {
            Some(value) => read(value).map(Some).ok_or_else(|| wrong(key, expected)),
            None if self.lists.contains_key(key) => Err(wrong(key, expected)),
            None => Ok(None),
        }
    }
}

fn wrong(key: &str, expected: &str) -> GgufError {
    GgufError::Metadata {
        key: key.to_owned(),
        problem: format!("is not {expected}"),
    }
}

/// The shortest decimal number that is stored so in single precision.
fn shortest(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

/// Bytes of a number by its type; none of texts and lists.
fn width(kind: u32) -> Option<usize> {
    match kind {
        0 | 1 | BOOL => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// A number of a list. Whole numbers beyond 2^53 are rounded: no list of a model has any.
fn number(kind: u32, bytes: &[u8]) -> f64 {
    let mut wide = [0; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    let natural = u64::from_le_bytes(wide);
    match kind {
        1 => f64::from(natural as u8 as i8),
        3 => f64::from(natural as u16 as i16),
        5 => f64::from(natural as u32 as i32),
        6 => f64::from(f32::from_bits(natural as u32)),
        11 => natural as i64 as f64,
        12 => f64::from_bits(natural),
        _ => natural as f64,
    }
}

fn scalar(cursor: &mut Cursor<'_>, kind: u32, key: &str) -> Result<Scalar, Stop> {
    const WHAT: &str = "a value of the metadata";
    let whole = |number: i64| match u64::try_from(number) {
        Ok(natural) => Scalar::Natural(natural),
        Err(_) => Scalar::Negative(number),
    };
    Ok(match kind {
        0 => Scalar::Natural(cursor.number::<1>(WHAT)?[0].into()),
        1 => whole(i8::from_le_bytes(cursor.number(WHAT)?).into()),
        2 => Scalar::Natural(u16::from_le_bytes(cursor.number(WHAT)?).into()),
        3 => whole(i16::from_le_bytes(cursor.number(WHAT)?).into()),
        4 => Scalar::Natural(cursor.u32(WHAT)?.into()),
        5 => whole(i32::from_le_bytes(cursor.number(WHAT)?).into()),
        6 => Scalar::F32(f32::from_le_bytes(cursor.number(WHAT)?)),
        BOOL => match cursor.number::<1>(WHAT)? {
            [0] => Scalar::Bool(false),
            [1] => Scalar::Bool(true),
            [other] => {
                let problem = format!("`{key}` is {other}, which is neither true nor false");
                return Err(Stop::Bad(problem));
            }
        },
        TEXT => Scalar::Text(cursor.string(WHAT)?.to_owned()),
        10 => Scalar::Natural(cursor.u64(WHAT)?),
        11 => whole(i64::from_le_bytes(cursor.number(WHAT)?)),
        12 => Scalar::F64(f64::from_le_bytes(cursor.number(WHAT)?)),
        kind => return Err(unknown(key, kind)),
    })
}

fn list(cursor: &mut Cursor<'_>, key: &str) -> Result<List, Stop> {
    const WHAT: &str = "entries of a list";
    let kind = cursor.u32("the type of a list's entries")?;
    let least = match (kind, width(kind)) {
        (_, Some(width)) => width as u64,
        (TEXT, _) => 8,
        (LIST, _) => {
            let problem = format!("`{key}` is a list of lists, which no model has");
            return Err(Stop::Bad(problem));
        }
        _ => return Err(unknown(key, kind)),
    };
    let count = cursor.count(least, WHAT)?;
    let start = cursor.place();
    if kind == TEXT {
        for _ in 0..count {
            cursor.text("a text of a list")?;
        }
    } else {
        cursor.take(count * least, WHAT)?;
    }
    Ok(List { kind, count, start })
}

fn unknown(key: &str, kind: u32) -> Stop {
    Stop::Bad(format!(
        "`{key}` is of type {kind}, which the format does not know"
    ))
}
