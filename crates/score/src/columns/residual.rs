//! Scores that compare the residual stream before and after.

use std::collections::BTreeSet;

use layerlab_stats::{ModelStatistics, PairStatistics};

use super::Column;
use crate::MethodId;

const SHORT_GPT: &str = "2403.03853";
const UNREASONABLE: &str = "2403.17887";

type Measure = fn(&PairStatistics, &[u32]) -> Option<f64>;

pub(super) fn columns(statistics: &ModelStatistics) -> Vec<Column<'_>> {
    let spans: BTreeSet<usize> = statistics
        .layers
        .iter()
        .flat_map(|layer| layer.spans.keys().copied())
        .collect();
    let column = |id: MethodId, label: String, source, span, measure: Measure| {
        let values = move |weights: &[u32]| {
            let layers = statistics.layers.iter();
            Ok(layers
                .map(|layer| measure(layer.spans.get(&span)?, weights))
                .collect())
        };
        Column::ranking(id, label, source, Box::new(values))
    };
    let mut columns = Vec::new();
    for span in spans {
        if span == 1 {
            columns.push(column(
                MethodId::BlockInfluence,
                "Block Influence".into(),
                SHORT_GPT,
                span,
                PairStatistics::block_influence,
            ));
            columns.push(column(
                MethodId::RelativeMagnitude,
                "relative magnitude".into(),
                SHORT_GPT,
                span,
                PairStatistics::relative_magnitude,
            ));
        }
        // For a span above 1 the value says what the blocks from this layer on are worth together.
        for (id, name, measure) in [
            (
                MethodId::AngularDistanceMean(span),
                "mean",
                PairStatistics::angular_distance as Measure,
            ),
            (
                MethodId::AngularDistanceLast(span),
                "last token",
                PairStatistics::last_angular_distance,
            ),
        ] {
            columns.push(column(
                id,
                format!("angular distance {span}, {name}"),
                UNREASONABLE,
                span,
                measure,
            ));
        }
    }
    columns
}
