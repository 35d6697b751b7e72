//! Questions to learn from, to choose by and to judge by, each on one side only.

use layerlab_eval::{Dataset, Items};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Of a hundred groups of questions, the first are trained on, the next are validated on, the rest judged on.
const TRAIN: u64 = 50;
const VALIDATION: u64 = 15;

/// Which side of a repair a question is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SplitPart {
    Train,
    Validation,
    Test,
}

/// The side of a group of questions: it follows from the group and the seed alone, so that it is the same in all
/// datasets.
pub(super) fn part_of(group: &str, seed: u64) -> SplitPart {
    let digest = Sha256::digest(format!("{seed}:{group}"));
    let (head, _) = digest.split_at(8);
    let number = head
        .iter()
        .fold(0u64, |number, &byte| number << 8 | u64::from(byte));
    match number % 100 {
        share if share < TRAIN => SplitPart::Train,
        share if share < TRAIN + VALIDATION => SplitPart::Validation,
        _ => SplitPart::Test,
    }
}

/// The items of one side.
pub(super) fn only(dataset: &Dataset, part: SplitPart, seed: u64) -> Dataset {
    let mut dataset = dataset.clone();
    match &mut dataset.items {
        Items::Choices(items) => items.retain(|item| part_of(&item.group, seed) == part),
        Items::Answers(items) => items.retain(|item| part_of(&item.group, seed) == part),
        // Texts and labels are judged on whole: nothing of them is trained on.
        Items::Text(_) | Items::Labels(_) => {}
    }
    dataset
}

/// How questions were parted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SplitReport {
    /// Items of all datasets that were parted.
    #[serde(default)]
    pub questions: usize,
    /// Items that the datasets have: more where only some were drawn, and 0 where that was not noted.
    #[serde(default)]
    pub of: usize,
    /// Records that could not be read and were passed over.
    #[serde(default)]
    pub skipped: usize,
    /// Pairs that were trained or validated on whose prompt lost its beginning to fit the context.
    #[serde(default)]
    pub truncated: usize,
    /// Pairs that were trained on.
    pub train: usize,
    /// Pairs by which the best step was chosen.
    pub validation: usize,
    /// Questions that were judged on.
    pub test: usize,
    /// Tokens of neutral text that were trained on.
    pub neutral_train: usize,
    /// Tokens of neutral text that the guard watched.
    pub neutral_validation: usize,
}

impl SplitReport {
    /// What of the datasets was not used, in words; nothing where all was.
    pub(crate) fn left_out(&self) -> String {
        let mut said = String::new();
        if self.of > self.questions {
            said.push_str(&format!(
                " {} of {} items were drawn.",
                self.questions, self.of
            ));
        }
        if self.skipped > 0 {
            said.push_str(&format!(" {} records passed over.", self.skipped));
        }
        if self.truncated > 0 {
            let count = self.truncated;
            said.push_str(&format!(
                " {count} prompts lost their beginning to fit the context."
            ));
        }
        said
    }
}
