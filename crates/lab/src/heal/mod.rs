//! Healing of pruned models: by which ways, on which text, and what came of it.

mod agreement;
mod alone;
mod found;
mod healer;
mod judged;
mod largest_cut;
mod own_text;
mod way;

use layerlab_eval::Dataset;
use layerlab_heal::{GapRecord, RefitOptions};
use layerlab_tune::{DistilRecipe, DistilState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use agreement::Agreement;
pub(crate) use agreement::Speakers;
pub use alone::{HealTask, HealedAlone, heal_and_judge};
pub use found::removed_layers;
pub(crate) use healer::{HealTurn, Healer};
pub use healer::{HealedModel, heal_with};
pub(crate) use judged::{HealingTask, agreements};
pub use largest_cut::LargestCut;
pub use own_text::HealSource;
pub use way::Healing;

use crate::LabError;

/// Which ways to try, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealRequest {
    /// The ways; *none* stands for the model as it is cut.
    pub ways: Vec<Healing>,
    /// Which text is learned from.
    #[serde(default)]
    pub source: HealSource,
    /// How refits are made.
    pub refit: RefitOptions,
    /// How adapters are trained.
    pub distil: DistilRecipe,
    /// The share that the largest cut of each method is to keep, of perplexity or of what `keep_of` names.
    pub keep: f64,
    /// The dataset of whose first metric it is, by its name; perplexity on the first text if none.
    #[serde(default)]
    pub keep_of: Option<String>,
}

impl Default for HealRequest {
    fn default() -> Self {
        Self {
            ways: vec![Healing::None, Healing::Refit],
            source: HealSource::default(),
            refit: RefitOptions::default(),
            distil: DistilRecipe::default(),
            keep: 0.9,
            keep_of: None,
        }
    }
}

impl HealRequest {
    /// What models on the way to the end of a plan are asked: what the largest cut is judged by.
    pub(crate) fn judges<'a>(&self, datasets: &'a [Dataset]) -> Result<Vec<&'a Dataset>, LabError> {
        let Some(name) = &self.keep_of else {
            return Ok(datasets
                .iter()
                .filter(|dataset| dataset.is_text())
                .collect());
        };
        match datasets
            .iter()
            .find(|dataset| is_named(&dataset.name, name))
        {
            Some(dataset) => Ok(vec![dataset]),
            None => Err(LabError::NothingToKeep {
                found: name.clone(),
                known: datasets
                    .iter()
                    .map(|dataset| dataset.name.clone())
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    /// The ways that change a model, once each, the cheapest first.
    pub fn healing(&self) -> Vec<Healing> {
        let mut ways = self.ways.clone();
        ways.retain(|way| *way != Healing::None);
        ways.sort();
        ways.dedup();
        ways
    }
}

/// Whether a dataset is the one that a user names: by its whole name, or by what stands behind its folders.
pub(crate) fn is_named(dataset: &str, name: &str) -> bool {
    let folders = dataset.strip_suffix(name);
    folders.is_some_and(|folders| folders.is_empty() || folders.ends_with(['/', '\\']))
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
