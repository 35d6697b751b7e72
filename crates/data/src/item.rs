//! What a model is asked.

use serde::{Deserialize, Serialize};

/// The items of a dataset, all of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Items {
    /// A text to predict.
    Text(String),
    /// Questions with answers to choose from.
    Choices(Vec<Choice>),
    /// Questions to answer freely.
    Answers(Vec<Answer>),
    /// Texts to classify.
    Labels(Vec<Label>),
}

/// A question with answers to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Line of the file.
    pub line: usize,
    /// What questions that must not be parted by a split share: the field `group`, else the question.
    pub group: String,
    /// The question.
    pub question: String,
    /// Answers of which one is right; none where the dataset has none.
    pub single: Option<ChoiceSet>,
    /// Answers of which several may be right, as for MC2; none where the dataset has none.
    pub multiple: Option<ChoiceSet>,
    /// Whether `single` is TruthfulQA's `mc1_targets`.
    pub truthful: bool,
}

/// Answers to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceSet {
    /// The answers; at least two.
    pub choices: Vec<String>,
    /// Which of them are right; at least one is, and one is not.
    pub right: Vec<bool>,
}

/// A question to answer freely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Line of the file.
    pub line: usize,
    /// What questions that must not be parted by a split share: the field `group`, else the question.
    pub group: String,
    /// The question.
    pub question: String,
    /// Answers that count as right; at least one.
    pub answers: Vec<String>,
}

/// A text to classify.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Line of the file.
    pub line: usize,
    /// The text.
    pub text: String,
    /// Its class.
    pub label: String,
}

impl Items {
    /// Their number; a text counts as one.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(_) => 1,
            Self::Choices(items) => items.len(),
            Self::Answers(items) => items.len(),
            Self::Labels(items) => items.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
