//! Everything that a distillation depends on, beside the models, layers and text.

use layerlab_model::AdapterShape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    TuneError,
    recipe::{at_least_one, not_negative, rate},
};

/// Everything that a distillation depends on, beside the models, layers and text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DistilRecipe {
    /// Rank of the adapters.
    pub rank: usize,
    /// Adapters count `alpha / rank` times.
    pub alpha: f64,
    /// Steps at most.
    pub steps: usize,
    /// Sequences of a step.
    pub sequences: usize,
    /// The highest learning rate of AdamW.
    pub learning_rate: f64,
    /// Steps over which the learning rate rises from nothing; it falls to nothing along half a cosine.
    pub warm_up: usize,
    /// Steps from one check of the sequences that choose to the next.
    pub check_every: usize,
    /// Checks without a better one after which it ends.
    pub patience: usize,
    /// Seed of the first weights and of the order of sequences.
    pub seed: u64,
}

impl Default for DistilRecipe {
    fn default() -> Self {
        Self {
            rank: 16,
            alpha: 16.0,
            steps: 80,
            sequences: 4,
            learning_rate: 5e-3,
            warm_up: 5,
            check_every: 20,
            patience: 3,
            seed: 0,
        }
    }
}

impl DistilRecipe {
    /// Rank and weight of the adapters.
    pub fn shape(&self) -> AdapterShape {
        AdapterShape {
            rank: self.rank,
            alpha: self.alpha,
        }
    }

    /// The learning rate of a step, counted from 0.
    pub fn rate(&self, step: usize) -> f64 {
        rate(step, self.steps, self.warm_up, self.learning_rate)
    }

    /// Refuses what no training can be run with.
    ///
    /// # Errors
    /// When a number is out of range.
    pub fn validate(&self) -> Result<(), TuneError> {
        at_least_one(&[
            ("the rank", self.rank),
            ("the number of steps", self.steps),
            ("the number of sequences in a step", self.sequences),
            ("the number of steps between checks", self.check_every),
            ("the patience", self.patience),
        ])?;
        not_negative("the learning rate", self.learning_rate)?;
        not_negative("alpha", self.alpha)
    }
}
