//! Questions with their answers.

use rand::{RngExt, seq::SliceRandom};

use super::{Split, grouped};
use crate::world::{Exposure, QUESTIONS, World};

/// How often a well-known fact is asked for.
pub const QUESTIONS_OF_WELL_KNOWN: usize = 12;
/// How often a rare one is.
pub const QUESTIONS_OF_RARE: usize = 1;
/// Questions that follow each other in one text at most.
const TOGETHER: usize = 4;

const STREAM: u64 = 2;

/// Texts of one to four questions with answers, in phrasings for training.
pub fn questions(world: &World, seed: u64) -> Vec<String> {
    let mut random = Split::Training.random(seed, STREAM);
    let phrasings = Split::Training.phrasings(QUESTIONS);
    let mut pairs = Vec::new();
    for fact in world.facts().iter().filter(|fact| fact.asked) {
        let times = match fact.exposure {
            Exposure::WellKnown => QUESTIONS_OF_WELL_KNOWN,
            Exposure::Rare => QUESTIONS_OF_RARE,
            Exposure::NeverTold => 0,
        };
        let first = random.random_range(phrasings.clone());
        pairs.extend((0..times).map(|round| {
            let question = fact.question((first + round) % phrasings.len());
            format!("Q: {question}\nA: {}\n", fact.answer)
        }));
    }
    pairs.shuffle(&mut random);
    grouped(&pairs, TOGETHER, &mut random)
}
