//! How far methods agree.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    MethodId, MethodScores, Role, ScoreError,
    bootstrap::Bootstraps,
    columns::Column,
    rank::{importance, spearman},
};

/// Spearman's rank correlation of every two rankings: ranks are among the layers that both have a value for, and
/// equal values share the mean of their ranks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agreement {
    /// Ids of the methods, in the order of rows and columns.
    pub methods: Vec<MethodId>,
    /// Correlations, row after row; none where both have a value for fewer than two layers.
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
        let values = |method: &&MethodScores| -> Vec<Option<f64>> {
            let values = method.layers.iter().map(|layer| layer.value);
            importance(values.collect(), method.direction)
        };
        let values: Vec<_> = rankings.iter().map(values).collect();
        let row = |a: &Vec<_>| values.iter().map(|b| spearman(a, b)).collect();
        Self {
            methods: rankings.iter().map(|method| method.id).collect(),
            spearman: values.iter().map(row).collect(),
            loss_change,
        }
    }
}

/// How a method's order of layers goes with what leaving each layer out costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Correlation {
    /// Id of the method.
    pub method: MethodId,
    /// Spearman's rank correlation with the measured loss change; none where fewer than two layers are
    /// ranked by both.
    pub spearman: Option<f64>,
    /// Lower end of the bootstrap interval over sequences (or answers), for these layers; none where there is none.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// Correlations of every other method with the measured loss change; none where it was not measured.
pub(crate) fn with_loss_change(
    columns: &[Column<'_>],
    bootstraps: &Bootstraps,
) -> Result<Vec<Correlation>, ScoreError> {
    let Some(measured) = columns
        .iter()
        .find(|column| column.id == MethodId::LossChange)
    else {
        return Ok(Vec::new());
    };
    let worth = |column: &Column<'_>, draw: &[u32]| -> Result<_, ScoreError> {
        Ok(importance((column.values)(draw)?, column.direction))
    };
    // Once for all methods.
    let losses = bootstraps.of(measured.units);
    let costs = losses.draws().iter().map(|draw| worth(measured, draw));
    let costs: Vec<Vec<Option<f64>>> = costs.collect::<Result<_, _>>()?;
    let cost = worth(measured, losses.data())?;
    let others = columns
        .iter()
        .filter(|column| column.role != Role::Part && column.id != MethodId::LossChange);
    others
        .map(|column| {
            let bootstrap = bootstraps.of(column.units);
            let draws = bootstrap.draws().iter().zip(&costs);
            let sample = draws.map(|(draw, cost)| Ok(spearman(&worth(column, draw)?, cost)));
            let sample: Vec<Option<f64>> = sample.collect::<Result<_, ScoreError>>()?;
            let interval = bootstrap.interval(sample.into_iter().flatten().collect());
            Ok(Correlation {
                method: column.id,
                spearman: spearman(&worth(column, bootstrap.data())?, &cost),
                low: interval.map(|(low, _)| low),
                high: interval.map(|(_, high)| high),
            })
        })
        .collect()
}
