//! What every score must beat.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Column, Units};
use crate::{Direction, MethodId, Role, ScoreOptions};

/// The baselines: by position, and by chance once for each seed.
pub(super) fn columns<'a>(layers: usize, options: &ScoreOptions) -> Vec<Column<'a>> {
    let random = options
        .random_seeds
        .iter()
        .map(|seed| MethodId::Random(*seed));
    let methods = [MethodId::LastK, MethodId::FirstK]
        .into_iter()
        .chain(random);
    let columns = methods.filter_map(|id| {
        let values: Vec<Option<f64>> = values(id, layers)?.into_iter().map(Some).collect();
        Some(Column {
            label: baseline_label(id),
            id,
            source: "baseline",
            role: Role::Baseline,
            direction: Direction::HighIsImportant,
            varies: false,
            units: Units::Sequences,
            values: Box::new(move |_| Ok(values.clone())),
        })
    });
    columns.collect()
}

/// In which order a baseline removes layers, the first to go first; none for methods that read a text.
pub(crate) fn baseline_order(method: MethodId, layers: usize) -> Option<Vec<usize>> {
    let values = values(method, layers)?;
    let mut order: Vec<(f64, usize)> = values.into_iter().zip(0..).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    Some(order.into_iter().map(|(_, layer)| layer).collect())
}

/// A baseline's name for people.
pub(crate) fn baseline_label(method: MethodId) -> String {
    match method {
        MethodId::Random(seed) => format!("random, seed {seed}"),
        other => other.to_string().replace('_', " "),
    }
}

/// One value for each layer; the lowest goes first.
fn values(method: MethodId, layers: usize) -> Option<Vec<f64>> {
    match method {
        MethodId::LastK => Some((0..layers).map(|layer| (layers - layer) as f64).collect()),
        MethodId::FirstK => Some((0..layers).map(|layer| layer as f64).collect()),
        MethodId::Random(seed) => {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            Some((0..layers).map(|_| random.random::<f64>()).collect())
        }
        _ => None,
    }
}
