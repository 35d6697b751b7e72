//! Stories that use the language and none of the facts.

use std::collections::BTreeSet;

use rand::RngExt;

use super::{
    Split,
    grammar::{Slot, filled},
};

const STREAM: u64 = 3;

const SLOTS: [Slot; 7] = [
    Slot {
        name: "who",
        words: &[
            "the keeper",
            "an old woman",
            "a boy",
            "the stranger",
            "a girl",
            "the miller",
            "a traveller",
            "the guard",
            "two friends",
            "the widow",
        ],
    },
    Slot {
        name: "place",
        words: &[
            "the harbour",
            "the bridge",
            "a narrow street",
            "the forest",
            "the market",
            "an empty house",
            "the river",
            "a green hill",
            "the gate",
            "the well",
        ],
    },
    Slot {
        name: "thing",
        words: &[
            "a lamp",
            "a small box",
            "an old key",
            "a letter",
            "a red coat",
            "a broken cup",
            "some bread",
            "a basket",
            "a map",
            "a silver coin",
        ],
    },
    Slot {
        name: "weather",
        words: &[
            "it rained",
            "the wind was cold",
            "snow fell",
            "the sun was high",
            "a fog came in",
            "the night was clear",
            "it grew dark",
            "thunder rolled",
        ],
    },
    Slot {
        name: "time",
        words: &[
            "one morning",
            "in the evening",
            "at noon",
            "after a while",
            "the next day",
            "before dawn",
            "that night",
            "in the autumn",
        ],
    },
    Slot {
        name: "feeling",
        words: &[
            "tired", "glad", "afraid", "calm", "hungry", "proud", "lonely", "curious",
        ],
    },
    Slot {
        name: "did",
        words: &[
            "waited",
            "sat down",
            "began to sing",
            "said nothing",
            "laughed",
            "looked back",
            "slept",
            "went on",
        ],
    },
];

const BEGINNINGS: [&str; 5] = [
    "{time} {who} came to {place}.",
    "{time} {weather}, and {who} walked to {place}.",
    "there was once {thing} that lay beside {place}.",
    "{who} had lived near {place} for many years.",
    "{time} {who} found {thing} near {place}.",
];

const MIDDLES: [&str; 12] = [
    "{weather}, and {who} {did}.",
    "{who} carried {thing} to {place}.",
    "near {place} {who} {did}.",
    "nobody knew why {who} was so {feeling}.",
    "{who} asked for {thing}, but there was none.",
    "{time} {who} felt {feeling} and {did}.",
    "under {place} lay {thing}.",
    "{who} gave {thing} to a child and {did}.",
    "{weather}, so {who} stayed at {place}.",
    "then {who} saw {thing} and felt {feeling}.",
    "\"I am {feeling},\" said one of them, and {did}.",
    "{who} went from {place} to {place} with {thing}.",
];

const ENDINGS: [&str; 5] = [
    "{time} {who} {did}, and all was well.",
    "nobody spoke of {thing} again.",
    "in the end {who} was {feeling}.",
    "{weather}, and {who} went home.",
    "{who} still keeps {thing} near {place}.",
];

/// `count` stories of five to nine sentences. A story of another split never occurs here: each split keeps
/// the stories whose text falls to it.
pub fn narrative(split: Split, seed: u64, count: usize) -> Vec<String> {
    let mut random = split.random(seed, STREAM);
    let mut seen = BTreeSet::new();
    let mut stories = Vec::with_capacity(count);
    while stories.len() < count {
        let mut sentence = |patterns: &[&str]| {
            let pattern = patterns[random.random_range(0..patterns.len())];
            filled(pattern, &SLOTS, &mut random)
        };
        let mut story = vec![sentence(&BEGINNINGS)];
        let length = 3 + seen.len() % 5;
        story.extend((0..length).map(|_| sentence(&MIDDLES)));
        story.push(sentence(&ENDINGS));
        let story = story.join(" ") + "\n";
        if seen.insert(story.clone()) {
            stories.push(story);
        }
    }
    stories
}
