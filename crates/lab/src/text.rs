//! From a text to the token sequences that a model is shown.

use layerlab_model::{Tokenizer, tokenizer::TokenizerError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Tokens of a sequence where nothing else is asked for and the context allows it.
const DEFAULT_LENGTH: usize = 256;
/// Bytes that a token is taken to have at most when a long text is cut before it is tokenised. Where that
/// turns out too few, more is read.
const BYTES_PER_TOKEN: usize = 16;

/// How a text is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextOptions {
    /// Tokens per sequence, BOS included; the model's context but at most 256 if none.
    pub sequence_length: Option<usize>,
    /// Sequences at most.
    pub max_sequences: usize,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self {
            sequence_length: None,
            max_sequences: 64,
        }
    }
}

impl TextOptions {
    /// Tokens of a sequence for a model of this context.
    pub(crate) fn length(self, context: usize) -> Result<usize, TextError> {
        let default = DEFAULT_LENGTH.min(context);
        let length = self.sequence_length.unwrap_or(default);
        if length < 2 || length > context {
            return Err(TextError::Length { length, context });
        }
        match self.max_sequences {
            0 => Err(TextError::NoSequences),
            _ => Ok(length),
        }
    }
}

/// A text that cannot be used.
#[derive(Debug, Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("the text {name} is empty")]
    Empty {
        /// The text.
        name: String,
    },
    /// One token, with nothing before or after it.
    #[error("the text {name} has {tokens} token; at least 2 are needed")]
    TooShort {
        /// The text.
        name: String,
        /// What it has.
        tokens: usize,
    },
    /// A sequence length that the model cannot read, or that holds nothing.
    #[error(
        "sequences of {length} tokens cannot be cut: from 2 to the model's context of {context}"
    )]
    Length {
        /// What was asked for.
        length: usize,
        /// The model's context.
        context: usize,
    },
    /// No sequence at all was asked for.
    #[error("at least one sequence is needed")]
    NoSequences,
    /// The tokenizer failed.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

/// A text as token sequences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Where it comes from.
    pub name: String,
    /// SHA-256 of all its bytes, as hexadecimal; of a text that a model wrote, of its ids as little-endian integers of 32 bits.
    pub sha256: String,
    /// Their number.
    pub bytes: u64,
    /// Tokens per sequence, BOS included; only the last sequence may have fewer.
    pub sequence_length: usize,
    /// Whether each sequence begins with the tokenizer's BOS.
    pub bos: bool,
    /// The sequences.
    pub sequences: Vec<Vec<u32>>,
    /// What the text would give without a limit.
    pub whole: WholeText,
}

/// How much a text has in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WholeText {
    /// Tokens, with BOS of each sequence.
    pub tokens: usize,
    /// Sequences that it can be cut into.
    pub sequences: usize,
    /// Whether that is reckoned from the bytes of what was read: of a long text no more is tokenised than is needed.
    pub is_estimate: bool,
}

impl WholeText {
    /// Of `ids` tokens in the first `read` of `bytes`.
    fn of(ids: usize, read: usize, bytes: usize, payload: usize, bos: bool) -> Self {
        let all = match read < bytes {
            true => (ids as f64 * bytes as f64 / read.max(1) as f64).round() as usize,
            false => ids,
        };
        let rest = all % payload;
        let sequences =
            all / payload + usize::from(rest > 0 && (all < payload || 2 * rest >= payload));
        Self {
            tokens: all + if bos { sequences } else { 0 },
            sequences,
            is_estimate: read < bytes,
        }
    }
}

impl Text {
    /// Cuts `contents` into sequences. Each begins with BOS where the tokenizer adds one. What is left at
    /// the end is kept if it fills at least half a sequence, since estimators that weigh sequences
    /// equally would let a scrap count as much as a page; or if there is nothing else.
    ///
    /// # Errors
    /// When the text is empty or too short, the options are out of range, or the tokenizer fails.
    pub fn new(
        name: impl Into<String>,
        contents: &str,
        tokenizer: &Tokenizer,
        context: usize,
        options: TextOptions,
    ) -> Result<Self, TextError> {
        let name = name.into();
        let length = options.length(context)?;
        if contents.trim().is_empty() {
            return Err(TextError::Empty { name });
        }
        let bos = tokenizer.leading_bos();
        let payload = length - usize::from(bos.is_some());
        let (ids, read) = leading_ids(
            contents,
            tokenizer,
            payload.saturating_mul(options.max_sequences),
        )?;
        let chunks = ids.chunks(payload).take(options.max_sequences).enumerate();
        let sequences: Vec<Vec<u32>> = chunks
            .filter(|(index, chunk)| *index == 0 || 2 * chunk.len() >= payload)
            .map(|(_, chunk)| bos.iter().chain(chunk).copied().collect())
            .collect();
        let tokens = sequences.first().map_or(0, Vec::len);
        if tokens < 2 {
            return Err(TextError::TooShort { name, tokens });
        }
        Ok(Self {
            name,
            sha256: format!("{:x}", Sha256::digest(contents)),
            bytes: contents.len() as u64,
            sequence_length: length,
            bos: bos.is_some(),
            whole: WholeText::of(ids.len(), read, contents.len(), payload, bos.is_some()),
            sequences,
        })
    }

    /// Tokens in all sequences, BOS included.
    pub fn tokens(&self) -> usize {
        self.sequences.iter().map(Vec::len).sum()
    }
}

/// Ids of the text, at least `wanted` of them if it has so many, and how many of its bytes they are of. Only as much as is likely to be needed is
/// tokenised: a corpus may have gigabytes.
fn leading_ids(
    contents: &str,
    tokenizer: &Tokenizer,
    wanted: usize,
) -> Result<(Vec<u32>, usize), TokenizerError> {
    let mut bytes = wanted.saturating_mul(BYTES_PER_TOKEN);
    loop {
        let end = contents.floor_char_boundary(bytes);
        let ids = tokenizer.encode(&contents[..end], false)?;
        if end == contents.len() || ids.len() >= wanted {
            return Ok((ids, end));
        }
        bytes = bytes.saturating_mul(2);
    }
}
