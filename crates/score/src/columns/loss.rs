//! What the model loses without a layer, measured.

use super::{Column, Units};
use crate::{LayerLosses, MethodId};

/// Mean loss per token without the layer, less that of the whole model.
pub(super) fn column(losses: &LayerLosses) -> Column<'_> {
    let values = |weights: &[u32]| {
        let mean = |sums: &[f64]| losses.mean(sums, weights);
        let whole = mean(&losses.whole);
        let change =
            |sums: &Vec<f64>| Some(mean(sums)? - whole?).filter(|change| change.is_finite());
        Ok(losses.without.iter().map(change).collect())
    };
    Column {
        units: Units::Losses,
        ..Column::ranking(
            MethodId::LossChange,
            "loss change",
            "2402.09025",
            Box::new(values),
        )
    }
}
