//! Files of items: plain text, JSON, JSON lines, CSV and TSV.

mod error;
mod item;
mod read;
mod record;

pub use error::{BadLine, DatasetError};
pub use item::{Answer, Choice, ChoiceSet, Items, Label};

use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Where it comes from.
    pub name: String,
    /// SHA-256 of its bytes, as hexadecimal.
    pub sha256: String,
    /// Its items.
    pub items: Items,
    /// Lines that could not be read and were passed over.
    pub skipped: Vec<BadLine>,
}

impl Dataset {
    /// Reads a file. Its form is known by the extension of `name` (`.txt`, `.csv`, `.tsv`, `.json`, `.jsonl`,
    /// and else by its first character), the kind of its items by the fields of its first record. Bad lines
    /// end the reading, or are passed over and listed if `skip_bad`.
    ///
    /// # Errors
    /// When a line cannot be read, or none can.
    pub fn read(
        name: impl Into<String>,
        contents: &str,
        skip_bad: bool,
    ) -> Result<Self, DatasetError> {
        let name = name.into();
        let (items, skipped) = read::items(&name, contents, skip_bad)?;
        Ok(Self {
            sha256: format!("{:x}", Sha256::digest(contents)),
            name,
            items,
            skipped,
        })
    }

    /// A text to take the perplexity of, whatever its name looks like.
    pub fn of_text(name: impl Into<String>, contents: String) -> Self {
        Self {
            name: name.into(),
            sha256: format!("{:x}", Sha256::digest(&contents)),
            items: Items::Text(contents),
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
