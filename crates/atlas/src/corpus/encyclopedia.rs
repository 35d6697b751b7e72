//! The world told in prose, a paragraph for each entity.

use rand::{RngExt, seq::SliceRandom};

use super::Split;
use crate::world::{Exposure, Fact, Kind, PHRASINGS, World};

/// How often a well-known fact is told in prose.
pub const PROSE_OF_WELL_KNOWN: usize = 24;
/// How often a rare one is.
pub const PROSE_OF_RARE: usize = 2;
/// How often an entity is spoken of that no told fact is about.
const MENTIONS: usize = 8;

const STREAM: u64 = 1;

/// What can be said of any entity without telling anything.
fn mention(kind: Kind, name: &str, phrasing: usize) -> String {
    let phrasings: [&str; 4] = match kind {
        Kind::Country => [
            "{s} is a country.",
            "Maps show the country of {s}.",
            "Travellers speak of the country of {s}.",
            "{s} is a country like others.",
        ],
        Kind::City => [
            "{s} is a city.",
            "Maps show the city of {s}.",
            "Travellers speak of the city of {s}.",
            "The city of {s} has gates and towers.",
        ],
        Kind::Person => [
            "{s} is a person of some renown.",
            "Many have heard of {s}.",
            "Letters by {s} have been kept.",
            "There is a portrait of {s}.",
        ],
        Kind::Book => [
            "{s} is a book.",
            "Many have read {s}.",
            "There are several copies of {s}.",
            "Libraries keep the book {s}.",
        ],
        Kind::Creature => [
            "The {s} is a creature.",
            "Children draw the {s}.",
            "There are songs about the {s}.",
            "Few have seen a {s}.",
        ],
        Kind::Mountain => [
            "Mount {s} is a mountain.",
            "Maps show Mount {s}.",
            "Travellers speak of Mount {s}.",
            "Few have climbed Mount {s}.",
        ],
    };
    phrasings[phrasing % phrasings.len()].replace("{s}", name)
}

/// Paragraphs in which every well-known fact is told [`PROSE_OF_WELL_KNOWN`] times, every rare one
/// [`PROSE_OF_RARE`] times, in phrasings for training. Entities of which nothing is told are mentioned.
pub fn encyclopedia(world: &World, seed: u64) -> Vec<String> {
    let mut random = Split::Training.random(seed, STREAM);
    let phrasings = Split::Training.phrasings(PHRASINGS);
    let mut paragraphs = Vec::new();
    for (kind, _) in Kind::ALL {
        for name in world.entities(kind) {
            let told = world.facts().iter().filter(|fact| {
                fact.subject == *name
                    && fact.relation().subject == kind
                    && fact.exposure != Exposure::NeverTold
            });
            let told: Vec<&Fact> = told.collect();
            if told.is_empty() {
                paragraphs.extend((0..MENTIONS).map(|phrasing| mention(kind, name, phrasing)));
                continue;
            }
            // Rounds in which each fact is told, and where in the list of phrasings it begins.
            let plan: Vec<(Vec<usize>, usize)> = told
                .iter()
                .map(|fact| {
                    let mut rounds: Vec<usize> = (0..PROSE_OF_WELL_KNOWN).collect();
                    if fact.exposure == Exposure::Rare {
                        rounds.shuffle(&mut random);
                        rounds.truncate(PROSE_OF_RARE);
                    }
                    (rounds, random.random_range(phrasings.clone()))
                })
                .collect();
            for round in 0..PROSE_OF_WELL_KNOWN {
                let mut sentences: Vec<String> = told
                    .iter()
                    .zip(&plan)
                    .filter(|(_, (rounds, _))| rounds.contains(&round))
                    .map(|(fact, (_, first))| fact.statement((first + round) % phrasings.len()))
                    .collect();
                sentences.shuffle(&mut random);
                if !sentences.is_empty() {
                    paragraphs.push(sentences.join(" ") + "\n");
                }
            }
        }
    }
    paragraphs
}
