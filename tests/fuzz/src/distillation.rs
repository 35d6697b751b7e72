//! What a distillation that was broken off goes on from.

use std::{cell::RefCell, collections::BTreeSet};

use layerlab_tune::{DistilRecipe, Distiller};
use pollster::block_on;

use crate::training::golden;

thread_local! {
    static DISTILLER: RefCell<Distiller> = RefCell::new(begin());
}

/// A distillation of one adapter on the smallest golden, which lacks its second layer.
fn begin() -> Distiller {
    let whole = golden();
    let pruned = whole.without(&BTreeSet::from([1])).expect("a layer");
    let recipe = DistilRecipe {
        rank: 1,
        steps: 2,
        check_every: 1,
        sequences: 1,
        ..DistilRecipe::default()
    };
    let (learn, choose) = ([vec![5, 6, 7, 8]], [vec![1, 2, 3]]);
    let layers = BTreeSet::from([1]);
    let begun = Distiller::new(&whole, &pruned, &layers, [&learn, &choose], recipe);
    block_on(begun).expect("a distillation")
}

/// A checkpoint of a distillation.
pub fn distillation(bytes: &[u8]) {
    DISTILLER.with_borrow_mut(|distiller| {
        if distiller.resume(bytes).is_err() {
            return;
        }
        let state = distiller.state().clone();
        assert!(state.checks.is_empty() || state.best < state.checks.len());
        assert!(state.steps.len() <= distiller.recipe().steps);
        let again = block_on(distiller.checkpoint()).expect("what was read can be written");
        let resumed = distiller.resume(&again);
        resumed.expect("what was written can be read");
        assert_eq!(distiller.state().steps.len(), state.steps.len());
    });
}

/// Whether a distillation goes on from these bytes.
pub fn resumes(bytes: &[u8]) -> bool {
    DISTILLER.with_borrow_mut(|distiller| distiller.resume(bytes).is_ok())
}

/// A checkpoint after one step: the seed.
pub fn seed() -> Vec<u8> {
    let mut distiller = begin();
    for _ in 0..3 {
        block_on(distiller.advance()).expect("a step");
    }
    block_on(distiller.checkpoint()).expect("a checkpoint")
}
