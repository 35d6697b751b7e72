//! What the fields of a record are for.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a field is for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The question.
    Question,
    /// Answers that count as right.
    Answer,
    /// Answers that are wrong, to choose from beside the right ones.
    Wrong,
    /// The right answer to choose where only one may be (MC1).
    Best,
    /// Answers to choose from, right and wrong ones together.
    Choices,
    /// Which of the choices is right: its label, letter, text, or index from 0.
    Key,
    /// The same by its index, from 0.
    KeyIndex,
    /// The same by its number, from 1.
    KeyNumber,
    /// The same by its letter, from A.
    KeyLetter,
    /// The same by its text.
    KeyText,
    /// TruthfulQA's answers with one right, each with 0 or 1.
    Mc1,
    /// TruthfulQA's answers with several right, each with 0 or 1.
    Mc2,
    /// One of the answers to choose from, where each has a record of its own.
    Candidate,
    /// What the candidates of one question share; the question if none.
    Id,
    /// What questions that must not be parted by a split share; the question if none.
    Group,
    /// A text to classify.
    Text,
    /// The class of a text; of a candidate, whether it is right: 0 or 1.
    Label,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Question,
        Self::Answer,
        Self::Wrong,
        Self::Best,
        Self::Choices,
        Self::Key,
        Self::KeyIndex,
        Self::KeyNumber,
        Self::KeyLetter,
        Self::KeyText,
        Self::Mc1,
        Self::Mc2,
        Self::Candidate,
        Self::Id,
        Self::Group,
        Self::Text,
        Self::Label,
    ];

    /// Its name, as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Answer => "answer",
            Self::Wrong => "wrong",
            Self::Best => "best",
            Self::Choices => "choices",
            Self::Key => "key",
            Self::KeyIndex => "key_index",
            Self::KeyNumber => "key_number",
            Self::KeyLetter => "key_letter",
            Self::KeyText => "key_text",
            Self::Mc1 => "mc1",
            Self::Mc2 => "mc2",
            Self::Candidate => "candidate",
            Self::Id => "id",
            Self::Group => "group",
            Self::Text => "text",
            Self::Label => "label",
        }
    }

    /// Whether it says which of the choices is right.
    pub(super) fn is_key(self) -> bool {
        matches!(
            self,
            Self::Key | Self::KeyIndex | Self::KeyNumber | Self::KeyLetter | Self::KeyText
        )
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
