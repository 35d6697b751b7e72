//! How a refit is made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a refit is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RefitOptions {
    /// Weights λ of the ridge to choose from, from the smallest to the largest. Not to refit is always among the choices.
    pub lambdas: Vec<f64>,
}

impl Default for RefitOptions {
    fn default() -> Self {
        Self {
            lambdas: (-7..=1).map(|power| 10f64.powi(power)).collect(),
        }
    }
}
