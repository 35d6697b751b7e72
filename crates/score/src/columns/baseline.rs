//! What every score must beat.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Column;
use crate::{Direction, Role, ScoreOptions};

pub(super) fn columns<'a>(layers: usize, options: &ScoreOptions) -> Vec<Column<'a>> {
    let baseline = |id: String, label: String, values: Vec<Option<f64>>| Column {
        id,
        label,
        source: "baseline",
        role: Role::Baseline,
        direction: Direction::HighIsImportant,
        varies: false,
        values: Box::new(move |_| Ok(values.clone())),
    };
    let from_the_end = (0..layers)
        .map(|layer| Some((layers - layer) as f64))
        .collect();
    let from_the_start = (0..layers).map(|layer| Some(layer as f64)).collect();
    let mut columns = vec![
        baseline("last_k".into(), "last k".into(), from_the_end),
        baseline("first_k".into(), "first k".into(), from_the_start),
    ];
    for seed in &options.random_seeds {
        let mut random = ChaCha8Rng::seed_from_u64(*seed);
        let values = (0..layers).map(|_| Some(random.random::<f64>())).collect();
        columns.push(baseline(
            format!("random_{seed}"),
            format!("random, seed {seed}"),
            values,
        ));
    }
    columns
}
