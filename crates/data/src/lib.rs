//! Files of items: plain text, JSON, JSON lines, CSV, TSV and, natively, Parquet; and the Hub's datasets.
//!
//! The way of the data: a file's records ([`source`]) → the layout of the first, which says what its fields are for
//! ([`forms`], [`layout`]) → items ([`shapes`]).

mod candidates;
#[cfg(not(target_arch = "wasm32"))]
mod columns;
mod describe;
mod error;
mod fields;
mod forms;
pub mod hub;
mod item;
mod keys;
mod layout;
mod literal;
mod mapping;
mod names;
mod read;
mod record;
mod role;
mod shapes;
mod source;
mod text;

pub use describe::{Description, FirstItem, Kind};
pub use error::{BadLine, DatasetError};
pub use fields::{Fields, FieldsError};
pub use item::{Answer, Choice, ChoiceSet, Items, Label};
pub use mapping::{Mapping, RoleFields};
pub use role::Role;
#[cfg(not(target_arch = "wasm32"))]
pub use source::READER as PARQUET_READER;
pub use text::{NotText, known_binary, text_of};

#[cfg(not(target_arch = "wasm32"))]
use std::{fs::File, io, path::PathBuf};

use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use read::ReadRecords;
use text::without_mark;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    /// Where it comes from.
    pub name: String,
    /// SHA-256 as hexadecimal: of its text in UTF-8, without a byte order mark; of the bytes of Parquet.
    pub sha256: String,
    /// Its items.
    pub items: Items,
    /// Items that the file has: more than `items` where only some were drawn from them.
    pub of: usize,
    /// Which field was read as what; a text has none.
    pub mapping: Option<Mapping>,
    /// Lines that could not be read and were passed over, and questions that leave nothing to choose.
    pub skipped: Vec<BadLine>,
}

/// How a file is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Whether bad lines are passed over and listed instead of ending the reading.
    pub skip_bad: bool,
    /// What the user says about fields.
    pub fields: Fields,
}

impl Dataset {
    /// Reads a file whose form is known. Bad lines end the reading, or are passed over and listed if `skip_bad`.
    ///
    /// # Errors
    /// As [`read_as`](Self::read_as).
    pub fn read(
        name: impl Into<String>,
        contents: &str,
        skip_bad: bool,
    ) -> Result<Self, DatasetError> {
        let fields = Fields::default();
        Self::read_as(name, contents, &ReadOptions { skip_bad, fields })
    }

    /// Reads a file. How it is written is known by the extension of `name` (`.txt`, `.csv`, `.tsv`, `.json`, `.jsonl`, and
    /// else by its first character), what its fields are for by those of its first good record, unless the user says.
    ///
    /// # Errors
    /// When a line cannot be read, or none can.
    pub fn read_as(
        name: impl Into<String>,
        contents: &str,
        options: &ReadOptions,
    ) -> Result<Self, DatasetError> {
        let name = name.into();
        let found = read::text(&name, contents, options)?;
        let sha256 = format!("{:x}", Sha256::digest(contents));
        Ok(Self::of(name, sha256, found))
    }

    /// Reads the bytes of a file, in whatever encoding it says it is written, as [`read_as`](Self::read_as) reads its text.
    ///
    /// # Errors
    /// As [`read_as`](Self::read_as), and when it is no text, or not in a known encoding.
    pub fn read_bytes(
        name: impl Into<String>,
        bytes: &[u8],
        options: &ReadOptions,
    ) -> Result<Self, DatasetError> {
        let name = name.into();
        match text_of(bytes) {
            Ok(contents) => Self::read_as(name, &contents, options),
            Err(problem) => Err(DatasetError::Text { name, problem }),
        }
    }

    /// Reads Parquet files that belong together.
    ///
    /// # Errors
    /// When a file or a row cannot be read, or no row can.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read_parquet(
        name: impl Into<String>,
        paths: &[PathBuf],
        options: &ReadOptions,
    ) -> Result<Self, DatasetError> {
        let name = name.into();
        let wanted = |column: &str| columns::is_read(column, &options.fields);
        let rows = source::rows(&name, paths, &wanted)?;
        let found = read::records(&name, rows, options)?;
        let mut hasher = Sha256::new();
        for path in paths {
            let hashed = File::open(path).and_then(|mut file| io::copy(&mut file, &mut hasher));
            hashed.map_err(|error| DatasetError::Form {
                name: name.clone(),
                form: "a whole Parquet file",
                problem: error.to_string(),
            })?;
        }
        Ok(Self::of(name, format!("{:x}", hasher.finalize()), found))
    }

    fn of(name: String, sha256: String, found: ReadRecords) -> Self {
        Self {
            name,
            sha256,
            of: found.items.len(),
            items: found.items,
            mapping: found.mapping,
            skipped: found.skipped,
        }
    }

    /// A text to take the perplexity of, whatever its name looks like.
    pub fn of_text(name: impl Into<String>, contents: String) -> Self {
        let contents = without_mark(&contents).to_owned();
        Self {
            name: name.into(),
            sha256: format!("{:x}", Sha256::digest(&contents)),
            of: 1,
            items: Items::Text(contents),
            mapping: None,
            skipped: Vec::new(),
        }
    }

    /// Whether it is a text to take the perplexity of.
    pub fn is_text(&self) -> bool {
        matches!(self.items, Items::Text(_))
    }

    /// At most `limit` items, drawn at random but kept in their order.
    pub fn sample(mut self, limit: usize, seed: u64) -> Self {
        let chosen = |count: usize| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut keep = vec![count <= limit; count];
            if count > limit {
                for index in index::sample(&mut random, count, limit) {
                    keep[index] = true;
                }
            }
            keep
        };
        match &mut self.items {
            Items::Text(_) => {}
            Items::Choices(items) => retain(items, &chosen(items.len())),
            Items::Answers(items) => retain(items, &chosen(items.len())),
            Items::Labels(items) => retain(items, &chosen(items.len())),
        }
        self
    }
}

fn retain<T>(items: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    items.retain(|_| keep.next().copied().unwrap_or(false));
}
