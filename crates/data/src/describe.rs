//! What a dataset is, for who is about to use it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Dataset, Items, Mapping};

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A text to predict.
    Text,
    /// Questions with answers to choose from.
    Choices,
    /// Questions to answer freely.
    Answers,
    /// Texts to classify.
    Labels,
}

/// What a dataset is, and how it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Description {
    /// Where it comes from.
    pub name: String,
    /// What is asked of a model.
    pub kind: Kind,
    /// Which field was read as what; a text has none.
    pub mapping: Option<Mapping>,
    /// Its items; a text counts as one.
    pub items: usize,
    /// Items that the file has: more where only some were drawn from them.
    pub of: usize,
    /// Records and questions that were passed over.
    pub skipped: usize,
    /// Its first item; a text has none.
    pub first: Option<FirstItem>,
}

/// An item as a model is asked it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirstItem {
    /// The question, or the text to classify.
    pub question: String,
    /// What counts as right.
    pub right: Vec<String>,
    /// What there is to choose besides.
    pub wrong: Vec<String>,
}

impl Dataset {
    /// What it is, and how it was read.
    pub fn describe(&self) -> Description {
        Description {
            name: self.name.clone(),
            kind: match &self.items {
                Items::Text(_) => Kind::Text,
                Items::Choices(_) => Kind::Choices,
                Items::Answers(_) => Kind::Answers,
                Items::Labels(_) => Kind::Labels,
            },
            mapping: self.mapping.clone(),
            items: self.items.len(),
            of: self.of,
            skipped: self.skipped.len(),
            first: first(&self.items),
        }
    }
}

fn first(items: &Items) -> Option<FirstItem> {
    match items {
        Items::Text(_) => None,
        Items::Choices(items) => items.first().map(|item| {
            let set = item.multiple.as_ref().or(item.single.as_ref());
            let side = |wanted: bool| {
                let pairs = set
                    .iter()
                    .flat_map(|set| set.choices.iter().zip(&set.right));
                let side = pairs.filter(|(_, right)| **right == wanted);
                side.map(|(choice, _)| choice.clone()).collect()
            };
            FirstItem {
                question: item.question.clone(),
                right: side(true),
                wrong: side(false),
            }
        }),
        Items::Answers(items) => items.first().map(|item| FirstItem {
            question: item.question.clone(),
            right: item.answers.clone(),
            wrong: Vec::new(),
        }),
        Items::Labels(items) => items.first().map(|item| FirstItem {
            question: item.text.clone(),
            right: vec![item.label.clone()],
            wrong: Vec::new(),
        }),
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        if let Some(mapping) = &self.mapping {
            write!(f, "{mapping} (")?;
        }
        let noun = match (self.kind, self.items) {
            (Kind::Text, _) => return f.write_str("a text"),
            (Kind::Labels, 1) => "text",
            (Kind::Labels, _) => "texts",
            (_, 1) => "question",
            _ => "questions",
        };
        match self.of > self.items {
            true => write!(f, "{} of {} {noun}", grouped(self.items), grouped(self.of))?,
            false => write!(f, "{} {noun}", grouped(self.items))?,
        }
        if self.skipped > 0 {
            write!(f, ", {} passed over", grouped(self.skipped))?;
        }
        f.write_str(if self.mapping.is_some() { ")" } else { "" })
    }
}

/// A number with commas between its thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    String::from_utf8_lossy(&groups.join(&b","[..])).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_parted() {
        let numbers = [0, 817, 1000, 87_925, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "817", "1,000", "87,925", "1,234,567"]);
    }
}
