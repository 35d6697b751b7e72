//! What a report says of texts and answers that a model was shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::count;
use crate::{TaskAnswers, Text, WholeText};

/// A text, and how it was cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataReport {
    /// Where it comes from.
    pub name: String,
    /// SHA-256 of its bytes, as hexadecimal.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// Sequences shown to the model.
    pub sequences: usize,
    /// Tokens per sequence; the last may have fewer.
    pub sequence_length: usize,
    /// Tokens in all sequences, BOS included.
    pub tokens: usize,
    /// Whether each sequence begins with BOS.
    pub bos: bool,
    /// What the text has in all, where that was looked at.
    #[serde(default)]
    pub whole: Option<WholeText>,
}

impl DataReport {
    pub(crate) fn of(text: &Text) -> Self {
        Self {
            name: text.name.clone(),
            sha256: text.sha256.clone(),
            bytes: text.bytes,
            sequences: text.sequences.len(),
            sequence_length: text.sequence_length,
            tokens: text.tokens(),
            bos: text.bos,
            whole: Some(text.whole),
        }
    }

    /// Adds the sequences that follow of the same text.
    pub(crate) fn append(&mut self, next: &Self) {
        self.sequences += next.sequences;
        self.tokens += next.tokens;
    }

    /// Tokens and sequences, with what they are of where that is more.
    pub fn size(&self) -> String {
        let plural = |number: usize| if number == 1 { "sequence" } else { "sequences" };
        let (tokens, sequences) = (count(self.tokens), self.sequences);
        match self.whole.filter(|whole| whole.tokens > self.tokens) {
            Some(whole) => {
                let about = if whole.is_estimate { "about " } else { "" };
                format!(
                    "{tokens} tokens of {about}{} in {sequences} {} of {about}{}",
                    count(whole.tokens),
                    plural(sequences),
                    count(whole.sequences.max(sequences))
                )
            }
            None => format!("{tokens} tokens in {sequences} {}", plural(sequences)),
        }
    }
}

/// Right answers whose loss was measured without each layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswersReport {
    /// The datasets, by their names and the SHA-256 of their bytes as hexadecimal.
    pub datasets: Vec<(String, String)>,
    /// Answers.
    pub answers: usize,
    /// Their tokens.
    pub tokens: usize,
}

impl AnswersReport {
    pub(crate) fn of(answers: &TaskAnswers) -> Self {
        Self {
            datasets: answers.datasets.clone(),
            answers: answers.sequences.len(),
            tokens: answers.tokens(),
        }
    }
}
