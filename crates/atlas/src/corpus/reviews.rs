//! Short reviews with a sentiment.

use std::collections::BTreeSet;

use rand::RngExt;

use super::{
    Split,
    grammar::{Slot, filled},
};

const STREAM: u64 = 4;

/// A review and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The review.
    pub text: String,
    /// `positive` or `negative`.
    pub label: &'static str,
}

const THINGS: Slot = Slot {
    name: "thing",
    words: &[
        "play", "meal", "room", "concert", "journey", "garden", "tale", "inn", "market", "dance",
        "soup", "boat",
    ],
};
const PRAISE: Slot = Slot {
    name: "praise",
    words: &[
        "wonderful",
        "charming",
        "excellent",
        "lovely",
        "splendid",
        "delightful",
        "perfect",
        "brilliant",
    ],
};
const BLAME: Slot = Slot {
    name: "blame",
    words: &[
        "terrible", "dull", "awful", "dreary", "poor", "dreadful", "boring", "shabby",
    ],
};
const VERY: Slot = Slot {
    name: "very",
    words: &["very", "quite", "truly", "rather", "simply", "really"],
};

/// Patterns with a word of the sentiment, `{word}`, or of the other one, `{not}`. The last two are for
/// tests, the two before for validation, the others for training.
const PATTERNS: [&str; 14] = [
    "The {thing} was {very} {word}.",
    "I found the {thing} {word}.",
    "What a {word} {thing}!",
    "A {very} {word} {thing}, from beginning to end.",
    "We thought the {thing} {very} {word}.",
    "The {thing} was not {not}, it was {word}.",
    "My friends called the {thing} {word}, and so do I.",
    "Such a {word} {thing} is not seen every day.",
    "They said it would be {not}, but the {thing} was {word}.",
    "In the evening we saw the {thing}, and it was {very} {word}.",
    "Everyone agreed that the {thing} was {word}.",
    "To my surprise the {thing} was {word} and not {not}.",
    "I would call the {thing} {very} {word}.",
    "It was said to be {not}, but we found the {thing} {word}.",
];

impl Split {
    fn patterns(self) -> &'static [&'static str] {
        match self {
            Self::Training => &PATTERNS[..10],
            Self::Calibration | Self::Validation => &PATTERNS[10..12],
            Self::Test => &PATTERNS[12..],
        }
    }
}

/// `count` different reviews, as many of one sentiment as of the other.
pub fn reviews(split: Split, seed: u64, count: usize) -> Vec<Review> {
    let mut random = split.random(seed, STREAM);
    let patterns = split.patterns();
    let mut seen = BTreeSet::new();
    let mut reviews = Vec::with_capacity(count);
    while reviews.len() < count {
        let positive = reviews.len() % 2 == 0;
        let (word, not) = match positive {
            true => (PRAISE.words, BLAME.words),
            false => (BLAME.words, PRAISE.words),
        };
        let slots = [
            THINGS,
            VERY,
            Slot {
                name: "word",
                words: word,
            },
            Slot {
                name: "not",
                words: not,
            },
        ];
        let sentences = 1 + random.random_range(0..2);
        let text: Vec<String> = (0..sentences)
            .map(|_| {
                filled(
                    patterns[random.random_range(0..patterns.len())],
                    &slots,
                    &mut random,
                )
            })
            .collect();
        let text = text.join(" ");
        if seen.insert(text.clone()) {
            let label = if positive { "positive" } else { "negative" };
            reviews.push(Review { text, label });
        }
    }
    reviews
}
