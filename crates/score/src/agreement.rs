//! How far methods agree.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    MethodScores, Role, ScoreError,
    bootstrap::Bootstrap,
    columns::{Column, LOSS_CHANGE},
    rank::ranks,
};

/// Spearman's rank correlation of every two rankings, over the layers that both rank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agreement {
    /// Ids of the methods, in the order of rows and columns.
    pub methods: Vec<String>,
    /// Correlations, row after row; none where fewer than two layers are ranked by both.
    pub spearman: Vec<Vec<Option<f64>>>,
    /// Every other method with the measured loss change; empty where it was not measured.
    pub loss_change: Vec<Correlation>,
}

impl Agreement {
    pub(crate) fn of(methods: &[MethodScores], loss_change: Vec<Correlation>) -> Self {
        let rankings: Vec<&MethodScores> = methods
            .iter()
            .filter(|method| method.role == Role::Ranking)
            .collect();
        let ranks = |method: &&MethodScores| -> Vec<Option<usize>> {
            method.layers.iter().map(|layer| layer.rank).collect()
        };
        let ranks: Vec<_> = rankings.iter().map(ranks).collect();
        let row = |a: &Vec<_>| ranks.iter().map(|b| spearman(a, b)).collect();
        Self {
            methods: rankings.iter().map(|method| method.id.clone()).collect(),
            spearman: ranks.iter().map(row).collect(),
            loss_change,
        }
    }
}

/// How a method's order of layers goes with what leaving each layer out costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Correlation {
    /// Id of the method.
    pub method: String,
    /// Spearman's rank correlation with the measured loss change; none where fewer than two layers are
    /// ranked by both.
    pub spearman: Option<f64>,
    /// Lower end of the bootstrap interval over sequences, for these layers; none where there is none.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// Correlations of every other method with the measured loss change; none where it was not measured.
pub(crate) fn with_loss_change(
    columns: &[Column<'_>],
    bootstrap: &Bootstrap,
) -> Result<Vec<Correlation>, ScoreError> {
    let Some(measured) = columns.iter().find(|column| column.id == LOSS_CHANGE) else {
        return Ok(Vec::new());
    };
    let ranks_of = |column: &Column<'_>, draw: &[u32]| -> Result<_, ScoreError> {
        Ok(ranks(&(column.values)(draw)?, column.direction))
    };
    // Once for all methods.
    let costs = bootstrap
        .draws()
        .iter()
        .map(|draw| ranks_of(measured, draw));
    let costs: Vec<Vec<Option<usize>>> = costs.collect::<Result<_, _>>()?;
    let cost = ranks_of(measured, bootstrap.data())?;
    let others = columns
        .iter()
        .filter(|column| column.role != Role::Part && column.id != LOSS_CHANGE);
    others
        .map(|column| {
            let draws = bootstrap.draws().iter().zip(&costs);
            let sample = draws.map(|(draw, cost)| Ok(spearman(&ranks_of(column, draw)?, cost)));
            let sample: Vec<Option<f64>> = sample.collect::<Result<_, ScoreError>>()?;
            let interval = bootstrap.interval(sample.into_iter().flatten().collect());
            Ok(Correlation {
                method: column.id.clone(),
                spearman: spearman(&ranks_of(column, bootstrap.data())?, &cost),
                low: interval.map(|(low, _)| low),
                high: interval.map(|(_, high)| high),
            })
        })
        .collect()
}

/// Pearson's correlation of ranks, over the layers that have both.
fn spearman(a: &[Option<usize>], b: &[Option<usize>]) -> Option<f64> {
    let both: Vec<(f64, f64)> = a
        .iter()
        .zip(b)
        .filter_map(|(a, b)| Some(((*a)? as f64, (*b)? as f64)))
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
