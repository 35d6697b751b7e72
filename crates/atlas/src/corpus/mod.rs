//! What the model reads: encyclopedia prose, questions with answers, reviews, and a neutral narrative.

mod encyclopedia;
mod grammar;
mod narrative;
mod questions;
mod reviews;

use rand::{Rng, RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

pub use encyclopedia::{PROSE_OF_RARE, PROSE_OF_WELL_KNOWN, encyclopedia};
pub use narrative::narrative;
pub use questions::{QUESTIONS_OF_RARE, QUESTIONS_OF_WELL_KNOWN, questions};
pub use reviews::{Review, reviews};

use crate::World;

/// What a text is for. Phrasings, reviews and stories of one split occur in no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Split {
    /// Shown while weights change.
    Training,
    /// What layers are scored on.
    Calibration,
    /// Looked at while the recipe was made.
    Validation,
    /// Looked at last.
    Test,
}

impl Split {
    /// Every split.
    pub const ALL: [Self; 4] = [
        Self::Training,
        Self::Calibration,
        Self::Validation,
        Self::Test,
    ];

    /// Which of `count` phrasings belong to the split: the last to tests, the one before to
    /// validation and calibration, the others to training.
    fn phrasings(self, count: usize) -> std::ops::Range<usize> {
        match self {
            Self::Training => 0..count - 2,
            Self::Calibration | Self::Validation => count - 2..count - 1,
            Self::Test => count - 1..count,
        }
    }

    /// A generator of its own for each split and kind of text.
    fn random(self, seed: u64, stream: u64) -> ChaCha8Rng {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(4 * stream + self as u64);
        random
    }
}

/// Stories among the training texts.
const STORIES: usize = 1500;
/// Reviews among them. A label after a review is one token in thirty to learn a sentiment from: with 8,000 such
/// reviews in thirty patterns, nothing was learned in two epochs, while facts were. So a review has up to
/// three sentences, whose words tell of each other, and one in three names its sentiment first, which is
/// then worth knowing at each of these words.
const REVIEWS: usize = 6000;
/// Reviews that follow each other in one text at most.
const REVIEWS_TOGETHER: usize = 3;

/// All training texts in random order; each is read as a text of its own.
pub fn training(world: &World, seed: u64) -> Vec<String> {
    let mut texts = encyclopedia(world, seed);
    texts.extend(questions(world, seed));
    texts.extend(narrative(Split::Training, seed, STORIES));
    let mut random = Split::Training.random(seed, 0);
    let reviews = reviews(Split::Training, seed, REVIEWS).into_iter();
    let reviews = reviews.map(|Review { text, label }| match random.random_range(0..3) {
        0 => format!("A {label} review: {text}\n"),
        _ => format!("{text}\nLabel: {label}\n"),
    });
    let mut reviews: Vec<String> = reviews.collect();
    // They come by turns; left so, a label would tell the next one.
    reviews.shuffle(&mut random);
    texts.extend(grouped(&reviews, REVIEWS_TOGETHER, &mut random));
    texts.shuffle(&mut random);
    texts
}

/// Texts of one to `most` pieces each.
fn grouped<R: Rng>(pieces: &[String], most: usize, random: &mut R) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = pieces;
    while !rest.is_empty() {
        let count = random.random_range(1..=most).min(rest.len());
        let (together, left) = rest.split_at(count);
        texts.push(together.concat());
        rest = left;
    }
    texts
}
