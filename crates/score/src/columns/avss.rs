//! AVSS and its forms (arXiv 2411.02117 and 2411.10069).

use layerlab_stats::{Epsilon, Estimator, LayerStatistics, ModelStatistics, Tap, TapStatistics};

use super::Column;
use crate::{Direction, ScoreError, ScoreOptions, rank::ranks};

const FIRST: &str = "2411.02117";
const SECOND: &str = "2411.10069";

type Layers = Result<Vec<Option<f64>>, ScoreError>;

pub(super) fn columns<'a>(
    statistics: &'a ModelStatistics,
    options: &'a ScoreOptions,
) -> Vec<Column<'a>> {
    let avss = move |weights: &[u32]| plain(statistics, options, weights);
    let share = |part: Part| move |weights: &[u32]| part.normalised(statistics, options, weights);
    let mut columns = vec![
        Column::ranking("avss", "AVSS", FIRST, Box::new(avss)),
        Column::ranking(
            "avss_normalised",
            "AVSS normalised",
            FIRST,
            Box::new(move |weights| Ok(normalised(plain(statistics, options, weights)?))),
        )
        .part(),
        Column::ranking("nav", "NAV", SECOND, Box::new(share(Part::Variance))).part(),
        Column::ranking("nas", "NAS", SECOND, Box::new(share(Part::Sparsity)))
            .part()
            .low_is_important(),
        // The authors' script sums before it sorts, which makes its 25 % cut depend on the order of
        // layers; both orders are shown, and only the second is what a cut means.
        Column::ranking(
            "cavss_layer_order",
            "CAVSS, layer order",
            SECOND,
            Box::new(move |weights| {
                Ok(running_sum(
                    &normalised(plain(statistics, options, weights)?),
                    None,
                ))
            }),
        )
        .part(),
        Column::ranking(
            "cavss_rank_order",
            "CAVSS, rank order",
            SECOND,
            Box::new(move |weights| {
                let shares = normalised(plain(statistics, options, weights)?);
                let order = ranks(&shares, Direction::HighIsImportant);
                Ok(running_sum(&shares, Some(&order)))
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
        columns.push(Column::ranking(
            "relative_avss",
            "relative AVSS",
            "ours",
            Box::new(move |weights| relative(statistics, options.relative_epsilon, weights)),
        ));
    }
    columns
}

/// AV / AS' at the chosen tap.
fn plain(statistics: &ModelStatistics, options: &ScoreOptions, weights: &[u32]) -> Layers {
    each(statistics, options.tap, "AVSS", |tap| {
        ratio(tap, options.estimator, options.epsilon, weights)
    })
}

/// AVSS of what the block writes over AVSS of what it reads: what the block adds, freed from the growth
/// of the residual stream that makes plain AVSS call early layers expendable. Ours.
fn relative(statistics: &ModelStatistics, epsilon: f64, weights: &[u32]) -> Layers {
    let at = |tap| {
        each(statistics, tap, "relative AVSS", |tap| {
            ratio(tap, Estimator::Element, Epsilon::Relative(epsilon), weights)
        })
    };
    let (written, read) = (at(Tap::Update)?, at(Tap::Input)?);
    let quotients = written.into_iter().zip(read);
    Ok(quotients
        .map(|(written, read)| Some(written? / read.filter(|read| *read > 0.0)?))
        .collect())
}

fn ratio(tap: &TapStatistics, estimator: Estimator, epsilon: Epsilon, weights: &[u32]) -> f64 {
    tap.variance(estimator, weights) / tap.sparsity(epsilon, weights).floored
}

#[derive(Clone, Copy)]
enum Part {
    Variance,
    Sparsity,
}

impl Part {
    /// AV or AS as a share of its sum over layers.
    fn normalised(
        self,
        statistics: &ModelStatistics,
        options: &ScoreOptions,
        weights: &[u32],
    ) -> Layers {
        let values = each(statistics, options.tap, "AVSS", |tap| match self {
            Self::Variance => tap.variance(options.estimator, weights),
            Self::Sparsity => tap.sparsity(options.epsilon, weights).share,
        })?;
        Ok(normalised(values))
    }
}

/// A value per layer at one tap; none where an activation was not finite.
fn each(
    statistics: &ModelStatistics,
    tap: Tap,
    method: &'static str,
    value: impl Fn(&TapStatistics) -> f64,
) -> Layers {
    let layers = statistics.layers.iter().enumerate();
    layers
        .map(|(layer, measured)| {
            let measured =
                measured
                    .taps
                    .get(&tap)
                    .ok_or(ScoreError::TapNotMeasured { layer, tap, method })?;
            Ok(measured.is_finite().then(|| value(measured)))
        })
        .collect()
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
