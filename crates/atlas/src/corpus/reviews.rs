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

/// Patterns with a word of the sentiment, `{word}`, and some with one of the other as well, `{not}`. With ten of
/// them, two with a contrast and both with the word that counts at the end, a model learned where that word
/// stands rather than what a contrast says, and took new contrasts the wrong way round.
const TRAINING: &[&str] = &[
    "The {thing} was {very} {word}.",
    "I found the {thing} {word}.",
    "What a {word} {thing}!",
    "A {very} {word} {thing}, from beginning to end.",
    "We thought the {thing} {very} {word}.",
    "My friends called the {thing} {word}, and so do I.",
    "Such a {word} {thing} is not seen every day.",
    "In the evening we saw the {thing}, and it was {very} {word}.",
    "Never have I known a {thing} so {word}.",
    "It was a {very} {word} {thing}.",
    "The {thing} seemed {word} to all of us.",
    "They gave us a {word} {thing}.",
    "On the second day the {thing} was {very} {word}.",
    "The {thing} turned out {word}.",
    "That {thing} was {word}, and I will tell everyone.",
    "You will find the {thing} {very} {word}.",
    "I went to the {thing} twice, and both times it was {word}.",
    "A {word} {thing}; I have nothing more to say.",
    "My sister says that the {thing} was {word}.",
    "Nobody who saw the {thing} will forget how {word} it was.",
    "The {thing} was not {not}, it was {word}.",
    "They said it would be {not}, but the {thing} was {word}.",
    "I expected a {not} {thing}, but it was {word}.",
    "Instead of a {not} {thing} we had a {word} one.",
    "Far from {not}, the {thing} was {very} {word}.",
    "The {thing} was {word}, not {not}.",
    "A {word} {thing}, and not a {not} one.",
    "The {thing} was {word}, although they said it would be {not}.",
    "We had a {word} {thing} instead of a {not} one.",
    "I found the {thing} {word}, far from {not}.",
];
const VALIDATION: &[&str] = &[
    "Everyone agreed that the {thing} was {word}.",
    "How {word} that {thing} was!",
    "There was a {thing}, and it was {very} {word}.",
    "Visitors called the {thing} {word}.",
    "To my surprise the {thing} was {word} and not {not}.",
    "People said it was {not}, but I say the {thing} was {word}.",
];
const TEST: &[&str] = &[
    "I would call the {thing} {very} {word}.",
    "Last week the {thing} was {very} {word}.",
    "She told us of a {very} {word} {thing}.",
    "I remember the {thing}: it was {word}.",
    "Our {thing} was {word}, and certainly not {not}.",
    "It was said to be {not}, but we found the {thing} {word}.",
];

impl Split {
    fn patterns(self) -> &'static [&'static str] {
        match self {
            Self::Training => TRAINING,
            Self::Calibration | Self::Validation => VALIDATION,
            Self::Test => TEST,
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
        let sentences = random.random_range(1..=3);
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
