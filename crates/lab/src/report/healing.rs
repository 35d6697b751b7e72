//! What a report holds of models that were healed after layers were removed.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DataReport, Outcome};
use crate::{HealRecord, HealRequest, Healing, LargestCut};

/// Healed models, and how many layers can go with each way of healing and without.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealingReport {
    /// What was asked for.
    pub request: HealRequest,
    /// The text that was learned from.
    #[serde(default)]
    pub text: Option<DataReport>,
    /// The models at the end of plans, healed in each way.
    pub outcomes: Vec<HealedOutcome>,
    /// The largest cut of each plan that keeps enough, as it is and healed. Ways that train adapters are not looked at: every step of the
    /// search would be a training.
    pub cuts: Vec<LargestCut>,
    /// What could not be healed.
    pub refused: Vec<Refused>,
}

/// A healed model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealedOutcome {
    /// What was done.
    pub record: HealRecord,
    /// What it made of each dataset.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// A model that could not be healed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Refused {
    /// The way.
    pub way: Healing,
    /// The layers removed; none where it is the same for all.
    pub removed: BTreeSet<usize>,
    /// Why.
    pub cause: String,
}

impl HealingReport {
    /// The model without these layers, healed in this way.
    pub fn outcome(&self, way: Healing, removed: &BTreeSet<usize>) -> Option<&HealedOutcome> {
        let mut outcomes = self.outcomes.iter();
        outcomes.find(|healed| healed.record.way == way && healed.outcome.removed == *removed)
    }

    /// The largest of the largest cuts; of equals the one that keeps most, and of these the one that needs the least healing.
    pub fn largest_cut(&self) -> Option<&LargestCut> {
        let kept = |cut: &LargestCut| cut.retained.unwrap_or(0.0);
        let cuts = self.cuts.iter();
        cuts.max_by(|a, b| {
            let by_layers = a.layers.cmp(&b.layers);
            let by_kept = by_layers.then(kept(a).total_cmp(&kept(b)));
            by_kept.then(b.healing.cmp(&a.healing))
        })
    }
}
