//! What a distillation has been through.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Ending;

/// One step of a distillation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DistilStep {
    /// Counted from 0.
    pub step: usize,
    /// Mean Kullback–Leibler divergence of the step's tokens, in nats.
    pub divergence: f64,
    /// The learning rate.
    pub rate: f64,
}

/// One look at sequences that are not learned from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DistilCheck {
    /// Steps done before.
    pub step: usize,
    /// Mean Kullback–Leibler divergence from the whole model, in nats per token.
    pub divergence: f64,
}

/// Where a distillation stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DistilState {
    /// Every step.
    pub steps: Vec<DistilStep>,
    /// Every check; the first before any step.
    pub checks: Vec<DistilCheck>,
    /// Index of the best check: the adapters as they were there are what a distillation gives.
    pub best: usize,
    /// Why it ended; none while it goes on.
    pub ending: Option<Ending>,
}
