//! What a training has been through.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepRecord {
    /// Counted from 0.
    pub step: usize,
    /// Everything that is minimised.
    pub loss: f64,
    /// The objective over pairs, in nats.
    pub objective: f64,
    /// Mean of log p(factual) − log p(hallucinated) over the pairs of the step, in nats.
    pub margin: f64,
    /// Cross-entropy of the neutral sequences of the step, in nats per token.
    pub neutral: f64,
    /// The learning rate.
    pub rate: f64,
}

/// One look at texts and pairs that are not trained on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckRecord {
    /// Steps done before.
    pub step: usize,
    /// Perplexity of the neutral validation text.
    pub perplexity: f64,
    /// Share of validation pairs whose factual answer is the likelier one.
    pub accuracy: f64,
    /// Mean of log p(factual) − log p(hallucinated) over validation pairs, in nats.
    pub margin: f64,
}

/// Why a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// All steps were done.
    Finished,
    /// Validation pairs got no better.
    NoBetter,
    /// Neutral perplexity rose beyond the tolerance: rolled back.
    Guard,
    /// The loss was no longer a number, or perplexity not finite: rolled back.
    Diverged,
    /// The caller asked to stop: the best check until then is kept.
    Stopped,
}

/// Where a training stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TuningState {
    /// Every step.
    pub steps: Vec<StepRecord>,
    /// Every check; the first before any step.
    pub checks: Vec<CheckRecord>,
    /// Index of the best check: the adapters as they were there are what a training gives.
    pub best: usize,
    /// Why it ended; none while it goes on.
    pub ending: Option<Ending>,
}
