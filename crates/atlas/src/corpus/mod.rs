//! What the model reads: encyclopedia prose, questions with answers, reviews, and a neutral narrative.

mod encyclopedia;
mod grammar;
mod narrative;
mod questions;
mod reviews;

use rand::{SeedableRng, seq::SliceRandom};
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

/// Stories and reviews among the training texts.
const STORIES: usize = 2500;
const REVIEWS: usize = 3000;

/// All training texts in random order; each is read as a text of its own.
pub fn training(world: &World, seed: u64) -> Vec<String> {
    let mut texts = encyclopedia(world, seed);
    texts.extend(questions(world, seed));
    texts.extend(narrative(Split::Training, seed, STORIES));
    let reviews = reviews(Split::Training, seed, REVIEWS).into_iter();
    texts.extend(reviews.map(|review| format!("{}\nLabel: {}\n", review.text, review.label)));
    texts.shuffle(&mut Split::Training.random(seed, 0));
    texts
}
