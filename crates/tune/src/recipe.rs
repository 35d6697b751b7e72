//! Everything that a training depends on, beside model, layers and examples.

use layerlab_model::AdapterShape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Objective, TuneError};

/// Everything that a training depends on, beside model, layers and examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recipe {
    /// What is minimised over pairs.
    pub objective: Objective,
    /// Weight of the factual answers' cross-entropy in nats per token: contrast alone may make both answers of a
    /// pair less likely.
    pub answer_weight: f64,
    /// Weight of the language-model term: cross-entropy of neutral text in nats per token.
    pub neutral_weight: f64,
    /// Rank of the adapters; 0 changes nothing.
    pub rank: usize,
    /// Adapters count `alpha / rank` times.
    pub alpha: f64,
    /// Steps at most.
    pub steps: usize,
    /// The highest learning rate of AdamW.
    pub learning_rate: f64,
    /// Steps over which the learning rate rises from nothing; it falls to nothing along half a cosine.
    pub warm_up: usize,
    /// AdamW's weight decay.
    pub weight_decay: f64,
    /// Pairs of a forward pass.
    pub pairs: usize,
    /// Neutral sequences of a forward pass.
    pub neutral: usize,
    /// Forward passes whose gradients make one step.
    pub accumulate: usize,
    /// Steps from one check of perplexity and validation pairs to the next.
    pub check_every: usize,
    /// By which share neutral perplexity may rise before the run is stopped and rolled back.
    pub tolerance: f64,
    /// Checks without a better one after which the run stops.
    pub patience: usize,
    /// Seed of the first weights and of the order of examples.
    pub seed: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            objective: Objective::default(),
            answer_weight: 1.0,
            neutral_weight: 0.3,
            rank: 8,
            alpha: 16.0,
            steps: 100,
            learning_rate: 3e-3,
            warm_up: 10,
            weight_decay: 0.0,
            pairs: 8,
            neutral: 1,
            accumulate: 1,
            check_every: 20,
            tolerance: 0.02,
            patience: 3,
            seed: 0,
        }
    }
}

impl Recipe {
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
        let whole = [
            ("the number of steps", self.steps),
            ("the number of pairs in a pass", self.pairs),
            ("the number of neutral sequences in a pass", self.neutral),
            ("the number of passes in a step", self.accumulate),
            ("the number of steps between checks", self.check_every),
            ("the patience", self.patience),
        ];
        at_least_one(&whole)?;
        for (option, found) in [
            ("the weight of answers", self.answer_weight),
            ("the weight of neutral text", self.neutral_weight),
            ("the learning rate", self.learning_rate),
            ("the weight decay", self.weight_decay),
            ("alpha", self.alpha),
            ("the tolerance", self.tolerance),
        ] {
            not_negative(option, found)?;
        }
        self.objective.validate()
    }
}

/// The learning rate of a step, counted from 0: it rises from nothing to `peak` over `warm_up` steps and falls to nothing along half a
/// cosine.
pub(crate) fn rate(step: usize, steps: usize, warm_up: usize, peak: f64) -> f64 {
    if step < warm_up {
        return peak * (step + 1) as f64 / warm_up as f64;
    }
    let rest = steps.saturating_sub(warm_up).max(1) as f64;
    let share = ((step - warm_up) as f64 / rest).min(1.0);
    peak * (1.0 + (std::f64::consts::PI * share).cos()) / 2.0
}

/// Refuses numbers of which there must be one at least.
pub(crate) fn at_least_one(numbers: &[(&'static str, usize)]) -> Result<(), TuneError> {
    match numbers.iter().find(|(_, number)| *number == 0) {
        Some(&(option, _)) => Err(TuneError::Recipe {
            option,
            needed: "at least 1",
            found: 0.0,
        }),
        None => Ok(()),
    }
}

/// Refuses a number below 0, or none.
pub(crate) fn not_negative(option: &'static str, found: f64) -> Result<(), TuneError> {
    match found >= 0.0 && found.is_finite() {
        true => Ok(()),
        false => Err(TuneError::Recipe {
            option,
            needed: "a number from 0 up",
            found,
        }),
    }
}
