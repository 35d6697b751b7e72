//! How far methods agree.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{MethodScores, Role};

/// Spearman's rank correlation of every two rankings, over the layers that both rank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agreement {
    /// Ids of the methods, in the order of rows and columns.
    pub methods: Vec<String>,
    /// Correlations, row after row; none where fewer than two layers are ranked by both.
    pub spearman: Vec<Vec<Option<f64>>>,
}

impl Agreement {
    pub(crate) fn of(methods: &[MethodScores]) -> Self {
        let rankings: Vec<&MethodScores> = methods
            .iter()
            .filter(|method| method.role == Role::Ranking)
            .collect();
        let row = |a: &&MethodScores| rankings.iter().map(|b| spearman(a, b)).collect();
        Self {
            methods: rankings.iter().map(|method| method.id.clone()).collect(),
            spearman: rankings.iter().map(row).collect(),
        }
    }
}

fn spearman(a: &MethodScores, b: &MethodScores) -> Option<f64> {
    let both: Vec<(f64, f64)> = a
        .layers
        .iter()
        .zip(&b.layers)
        .filter_map(|(a, b)| Some((a.rank? as f64, b.rank? as f64)))
        .collect();
    let count = both.len() as f64;
    let mean = |pick: fn(&(f64, f64)) -> f64| both.iter().map(pick).sum::<f64>() / count;
    let (mean_a, mean_b) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let sum = |term: &dyn Fn(f64, f64) -> f64| -> f64 {
        both.iter().map(|(a, b)| term(a - mean_a, b - mean_b)).sum()
    };
    let spread = (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    (spread > 0.0).then(|| sum(&|a, b| a * b) / spread)
}
