//! Healing of pruned models: by which ways, on which text, and what came of it.

mod agreement;
mod alone;
mod found;
mod healer;
mod judged;
mod largest_cut;
mod way;

use layerlab_heal::{GapRecord, RefitOptions};
use layerlab_tune::{DistilRecipe, DistilState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use agreement::Agreement;
pub(crate) use agreement::Speakers;
pub use alone::{HealTask, HealedAlone, heal_and_judge};
pub use found::removed_layers;
pub use healer::{HealedModel, heal_with};
pub(crate) use judged::{HealingTask, agreements};
pub use largest_cut::LargestCut;
pub use way::Healing;

/// Which ways to try, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealRequest {
    /// The ways; *none* stands for the model as it is cut.
    pub ways: Vec<Healing>,
    /// How refits are made.
    pub refit: RefitOptions,
    /// How adapters are trained.
    pub distil: DistilRecipe,
    /// Of perplexity, the share that the largest cut of each method is to keep.
    pub keep: f64,
}

impl Default for HealRequest {
    fn default() -> Self {
        Self {
            ways: vec![Healing::None, Healing::Refit],
            refit: RefitOptions::default(),
            distil: DistilRecipe::default(),
            keep: 0.9,
        }
    }
}

impl HealRequest {
    /// The ways that change a model, once each, the cheapest first.
    pub fn healing(&self) -> Vec<Healing> {
        let mut ways = self.ways.clone();
        ways.retain(|way| *way != Healing::None);
        ways.sort();
        ways.dedup();
        ways
    }
}

/// What healing one pruned model took, and what it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealRecord {
    /// The way.
    pub way: Healing,
    /// Tokens that were learned from.
    pub tokens: usize,
    /// Tokens that chose, of which nothing was learned.
    pub choosing_tokens: usize,
    /// What became of each gap; empty where adapters alone were trained.
    pub gaps: Vec<GapRecord>,
    /// The training of adapters, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distil: Option<DistilState>,
    /// Seconds that it took.
    pub seconds: f64,
}

impl HealRecord {
    /// Whether anything was changed: what does not lower the loss over sequences that were not learned from is left undone.
    pub fn has_changed(&self) -> bool {
        let of_gaps = self.gaps.iter();
        let mut of_gaps = of_gaps.map(|gap| gap.lambda.is_some() || gap.factor.is_some());
        let trained = self.distil.as_ref().is_some_and(|state| state.best > 0);
        of_gaps.any(|changed| changed) || trained
    }
}
