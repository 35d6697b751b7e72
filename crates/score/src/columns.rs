//! Every score as a function from "how often is each unit drawn" to one value per layer; a unit is a sequence, or an answer.

mod avss;
mod baseline;
mod loss;
mod residual;

pub(crate) use baseline::{baseline_label, baseline_order};

use layerlab_stats::ModelStatistics;

use crate::{Direction, LayerLosses, MethodId, Role, ScoreError, ScoreOptions};

/// One value per layer for given weights of units; none where it is undefined.
pub(crate) type ColumnValues<'a> = dyn Fn(&[u32]) -> Result<Vec<Option<f64>>, ScoreError> + 'a;

/// What a method's values are weighted by, and resampled over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Units {
    /// The sequences whose statistics were taken.
    Sequences,
    /// Whatever the losses were taken of: these sequences, some of them, or answers to questions.
    Losses,
}

/// A method before it is evaluated.
pub(crate) struct Column<'a> {
    pub id: MethodId,
    pub label: String,
    pub source: &'static str,
    pub role: Role,
    pub direction: Direction,
    /// Whether it depends on the data at all.
    pub varies: bool,
    pub units: Units,
    pub values: Box<ColumnValues<'a>>,
}

impl<'a> Column<'a> {
    /// A ranking in which high means important.
    fn ranking(
        id: MethodId,
        label: impl Into<String>,
        source: &'static str,
        values: Box<ColumnValues<'a>>,
    ) -> Self {
        Self {
            id,
            label: label.into(),
            source,
            role: Role::Ranking,
            direction: Direction::HighIsImportant,
            varies: true,
            units: Units::Sequences,
            values,
        }
    }

    /// The same as a part of a score.
    fn part(self) -> Self {
        Self {
            role: Role::Part,
            ..self
        }
    }

    fn low_is_important(self) -> Self {
        Self {
            direction: Direction::LowIsImportant,
            ..self
        }
    }
}

/// All methods that the statistics and losses allow, in the order of the table.
pub(crate) fn all<'a>(
    statistics: &'a ModelStatistics,
    losses: Option<&'a LayerLosses>,
    options: &'a ScoreOptions,
) -> Vec<Column<'a>> {
    let mut columns = avss::columns(statistics, options);
    columns.extend(residual::columns(statistics));
    columns.extend(losses.map(loss::column));
    columns.extend(baseline::columns(statistics.layers.len(), options));
    columns
}
