//! AVSS and its forms (arXiv 2411.02117 and 2411.10069).

use std::rc::Rc;

use layerlab_stats::{Epsilon, Estimator, LayerStatistics, ModelStatistics, SummedTap, Tap};

use super::{Column, ColumnValues};
use crate::{Direction, MethodId, ScoreError, ScoreOptions, rank::ranks};

const FIRST: &str = "2411.02117";
const SECOND: &str = "2411.10069";

type Layers = Vec<Option<f64>>;

pub(super) fn columns<'a>(
    statistics: &'a ModelStatistics,
    options: &'a ScoreOptions,
) -> Vec<Column<'a>> {
    let read = Rc::new(Read::of(statistics, options.tap, "AVSS"));
    let column = |value: Value, then: fn(Layers) -> Layers| -> Box<ColumnValues<'a>> {
        let read = read.clone();
        Box::new(move |weights| Ok(then(read.each(|tap| value(tap, options, weights))?)))
    };
    let avss = |then| column(plain, then);
    let mut columns = vec![
        Column::ranking(MethodId::Avss, "AVSS", FIRST, avss(|values| values)),
        Column::ranking(
            MethodId::AvssNormalised,
            "AVSS normalised",
            FIRST,
            avss(normalised),
        )
        .part(),
        Column::ranking(MethodId::Nav, "NAV", SECOND, column(variance, normalised)).part(),
        Column::ranking(MethodId::Nas, "NAS", SECOND, column(sparsity, normalised))
            .part()
            .low_is_important(),
        // The authors' script sums before it sorts, which makes its 25 % cut depend on the order of
        // layers; both orders are shown, and only the second is what a cut means.
        Column::ranking(
            MethodId::CavssLayerOrder,
            "CAVSS, layer order",
            SECOND,
            avss(|values| running_sum(&normalised(values), None)),
        )
        .part(),
        Column::ranking(
            MethodId::CavssRankOrder,
            "CAVSS, rank order",
            SECOND,
            avss(|values| {
                let shares = normalised(values);
                let order = ranks(&shares, Direction::HighIsImportant);
                running_sum(&shares, Some(&order))
            }),
        )
        .part(),
    ];
    let has_both = |layer: &LayerStatistics| {
        [Tap::Update, Tap::Input]
            .iter()
            .all(|tap| layer.taps.contains_key(tap))
    };
    if statistics.layers.iter().all(has_both) {
        let at = |tap| Read::of(statistics, tap, "relative AVSS");
        let (written, read) = (at(Tap::Update), at(Tap::Input));
        let epsilon = options.relative_epsilon;
        columns.push(Column::ranking(
            MethodId::RelativeAvss,
            "relative AVSS",
            "ours",
            Box::new(move |weights| relative(&written, &read, epsilon, weights)),
        ));
    }
    columns
}

/// A number of one layer, whose elements are all finite, for given weights of sequences.
type Value = fn(&SummedTap<'_>, &ScoreOptions, &[u32]) -> Option<f64>;

/// AV / AS' at the chosen tap.
fn plain(tap: &SummedTap<'_>, options: &ScoreOptions, weights: &[u32]) -> Option<f64> {
    ratio(tap, options.estimator, options.epsilon, weights)
}

fn variance(tap: &SummedTap<'_>, options: &ScoreOptions, weights: &[u32]) -> Option<f64> {
    Some(tap.variance(options.estimator, weights))
}

fn sparsity(tap: &SummedTap<'_>, options: &ScoreOptions, weights: &[u32]) -> Option<f64> {
    Some(tap.sparsity(options.epsilon, weights).share)
}

/// AVSS of what the block writes over AVSS of what it reads: what the block adds, freed from the growth
/// of the residual stream that makes plain AVSS call early layers expendable. Ours.
fn relative(
    written: &Read<'_>,
    read: &Read<'_>,
    epsilon: f64,
    weights: &[u32],
) -> Result<Layers, ScoreError> {
    let at = |read: &Read<'_>| {
        read.each(|tap| ratio(tap, Estimator::Element, Epsilon::Relative(epsilon), weights))
    };
    let quotients = at(written)?.into_iter().zip(at(read)?);
    Ok(quotients
        .map(|(written, read)| Some(written? / read.filter(|read| *read > 0.0)?))
        .collect())
}

fn ratio(
    tap: &SummedTap<'_>,
    estimator: Estimator,
    epsilon: Epsilon,
    weights: &[u32],
) -> Option<f64> {
    let (variance, sparsity) = tap.variance_and_sparsity(estimator, epsilon, weights)?;
    Some(variance / sparsity)
}

/// One tap of every layer, ready for many resamples.
struct Read<'a> {
    tap: Tap,
    /// Who needs it.
    method: &'static str,
    layers: Vec<Option<SummedTap<'a>>>,
}

impl<'a> Read<'a> {
    fn of(statistics: &'a ModelStatistics, tap: Tap, method: &'static str) -> Self {
        let layers = statistics.layers.iter();
        let summed = layers.map(|layer| Some(layer.taps.get(&tap)?.summed()));
        Self {
            tap,
            method,
            layers: summed.collect(),
        }
    }

    /// A value per layer; none where an activation was not finite.
    fn each(&self, value: impl Fn(&SummedTap<'_>) -> Option<f64>) -> Result<Layers, ScoreError> {
        let (tap, method) = (self.tap, self.method);
        let layers = self.layers.iter().enumerate();
        layers
            .map(|(layer, summed)| {
                let missing = ScoreError::TapNotMeasured { layer, tap, method };
                let summed = summed.as_ref().ok_or(missing)?;
                Ok(Some(summed)
                    .filter(|summed| summed.is_finite())
                    .and_then(&value))
            })
            .collect()
    }
}

/// Shares of the sum; none where the sum is 0.
fn normalised(values: Vec<Option<f64>>) -> Vec<Option<f64>> {
    let sum: f64 = values.iter().flatten().sum();
    let share = |value: Option<f64>| value.filter(|_| sum > 0.0).map(|value| value / sum);
    values.into_iter().map(share).collect()
}

/// Sums up to and including each layer: in layer order, or in the order of the given ranks.
fn running_sum(shares: &[Option<f64>], ranks: Option<&[Option<usize>]>) -> Vec<Option<f64>> {
    let mut order: Vec<usize> = (0..shares.len()).collect();
    if let Some(ranks) = ranks {
        order.sort_by_key(|layer| ranks[*layer].unwrap_or(usize::MAX));
    }
    let mut sums = vec![None; shares.len()];
    let mut sum = 0.0;
    for layer in order {
        if let Some(share) = shares[layer] {
            sum += share;
            sums[layer] = Some(sum);
        }
    }
    sums
}
