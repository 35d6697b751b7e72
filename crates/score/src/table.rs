//! Scores as they go into the report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Agreement, MethodId};

/// Every layer by every method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScoreTable {
    /// How many layers count as the lowest in `probability_lowest`.
    pub lowest: usize,
    /// Sequences that the bootstrap draws from.
    pub sequences: usize,
    /// One for each method.
    pub methods: Vec<MethodScores>,
    /// How far methods agree on the order of layers.
    pub agreement: Agreement,
    /// What a reader must know before believing the table.
    pub warnings: Vec<String>,
}

impl ScoreTable {
    /// A method's scores, where it is there.
    pub fn method(&self, id: MethodId) -> Option<&MethodScores> {
        self.methods.iter().find(|method| method.id == id)
    }
}

/// All layers by one method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MethodScores {
    /// Short name, such as `avss`.
    pub id: MethodId,
    /// Name for people.
    pub label: String,
    /// Where the definition comes from: an arXiv number, `ours` or `baseline`.
    pub source: String,
    /// What the column is for.
    pub role: Role,
    /// Which end means important.
    pub direction: Direction,
    /// One for each layer, first layer first.
    pub layers: Vec<LayerScore>,
}

impl MethodScores {
    /// The layers that the method ranks, the first to go first.
    pub fn order(&self) -> Vec<usize> {
        let ranked = self.layers.iter();
        let mut ranked: Vec<(usize, usize)> = ranked
            .filter_map(|layer| Some((layer.rank?, layer.layer)))
            .collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, layer)| layer).collect()
    }

    /// The layer that the method would remove first, if it ranks any.
    pub fn lowest_layer(&self) -> Option<usize> {
        self.order().first().copied()
    }
}

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A score that layers are pruned by.
    Ranking,
    /// What a ranking is compared with: position or chance.
    Baseline,
    /// A part of a score, or another form of it.
    Part,
}

/// Which end of a score means that the layer matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// High means important.
    HighIsImportant,
    /// Low means important.
    LowIsImportant,
}

/// One layer by one method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LayerScore {
    /// The layer, from 0.
    pub layer: usize,
    /// Its score; none where it is undefined.
    pub value: Option<f64>,
    /// Lower end of the bootstrap interval; none where there is none.
    pub low: Option<f64>,
    /// Upper end of the bootstrap interval; none where there is none.
    pub high: Option<f64>,
    /// 1 is the least important layer, the first to go. Of equals the later layer goes first.
    pub rank: Option<usize>,
    /// Share of resamples in which the layer is among the lowest.
    pub probability_lowest: Option<f64>,
}
