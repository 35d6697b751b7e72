//! Plans: what a budget means, and what is refused.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;

use layerlab_score::{Budget, Constraints, Plan, PlanError};
use proptest::prelude::*;

fn free() -> Constraints {
    Constraints::default()
}

fn protect(layers: impl IntoIterator<Item = usize>) -> Constraints {
    Constraints {
        protected: layers.into_iter().collect(),
        ..free()
    }
}

fn force(layers: impl IntoIterator<Item = usize>) -> Constraints {
    Constraints {
        forced: layers.into_iter().collect(),
        ..free()
    }
}

#[test]
fn shares_round_to_the_nearest_layer() {
    for (share, layers, count) in [(0.25, 12, 3), (0.25, 5, 1), (0.25, 6, 2), (0.1, 12, 1)] {
        let found = Budget::Share(share).count(layers, &free()).unwrap();
        assert_eq!(found, count, "{share} of {layers}");
    }
}

#[test]
fn budgets_that_leave_nothing_to_do_or_nothing_at_all_are_refused() {
    let refused = |budget: Budget, layers| budget.count(layers, &free()).unwrap_err();
    for share in [0.0, 1.0, -0.5, 1.5, f64::NAN] {
        assert!(matches!(
            refused(Budget::Share(share), 12),
            PlanError::Share(_)
        ));
    }
    assert!(matches!(
        refused(Budget::Share(0.01), 12),
        PlanError::RoundsToNone { .. }
    ));
    assert!(matches!(
        refused(Budget::Share(0.99), 12),
        PlanError::Count { count: 12, .. }
    ));
    for count in [0, 12, 13] {
        let error = refused(Budget::Count(count), 12);
        assert!(
            matches!(error, PlanError::Count { .. } | PlanError::Protected { .. }),
            "{error}"
        );
    }
    for share in [-0.1, f64::NAN, f64::INFINITY] {
        let error = refused(Budget::Tolerance(share), 12);
        assert!(matches!(error, PlanError::Tolerance(_)));
    }
    // The message says what would work.
    let said = refused(Budget::Share(0.01), 12).to_string();
    assert!(said.contains("0.041"), "{said}");
}

#[test]
fn constraints_that_contradict_are_refused() {
    let refused = |constraints: &Constraints| Budget::Count(2).count(4, constraints).unwrap_err();
    assert!(matches!(
        refused(&protect([0, 1, 2, 3])),
        PlanError::Protected { free: 0, .. }
    ));
    assert!(matches!(
        refused(&protect([0, 1, 2])),
        PlanError::Protected { free: 1, .. }
    ));
    assert!(matches!(
        refused(&protect([4])),
        PlanError::NoSuchLayer {
            layer: 4,
            layers: 4
        }
    ));
    assert!(matches!(
        refused(&force([0, 1, 2])),
        PlanError::Forced {
            forced: 3,
            count: 2
        }
    ));
    let both = Constraints {
        protected: [1].into(),
        forced: [1].into(),
    };
    assert!(matches!(refused(&both), PlanError::Contradiction(1)));
}

#[test]
fn plans_by_hand_name_each_layer_once_and_leave_one() {
    assert_eq!(Plan::by_hand(vec![2, 0], 3).unwrap().removed, [2, 0]);
    let refused = |removed: Vec<usize>| Plan::by_hand(removed, 3).unwrap_err();
    assert_eq!(refused(vec![1, 1]), PlanError::Twice(1));
    assert_eq!(
        refused(vec![0, 1, 2]),
        PlanError::Count {
            count: 3,
            layers: 3
        }
    );
    assert_eq!(
        refused(vec![]),
        PlanError::Count {
            count: 0,
            layers: 3
        }
    );
    assert!(matches!(refused(vec![3]), PlanError::NoSuchLayer { .. }));
}

#[test]
fn what_must_go_goes_first_and_what_must_stay_stays() {
    let constraints = Constraints {
        protected: [5].into(),
        forced: [0].into(),
    };
    let chosen = constraints.choose("test", &[5, 4, 0, 3], 3).unwrap();
    assert_eq!(chosen, [0, 4, 3]);
    let error = constraints.choose("test", &[5, 4], 3).unwrap_err();
    assert!(matches!(error, PlanError::Unranked { ranked: 2, .. }));
}

proptest! {
    /// Whatever is asked for: either it is refused, or the plan removes what it should and no more.
    #[test]
    fn a_budget_that_is_accepted_can_be_followed(
        layers in 1usize..40,
        share in -0.2f64..1.2,
        protected in prop::collection::btree_set(0usize..40, 0..6),
        forced in prop::collection::btree_set(0usize..40, 0..4),
    ) {
        let constraints = Constraints { protected, forced };
        let order: Vec<usize> = (0..layers).rev().collect();
        if let Ok(count) = Budget::Share(share).count(layers, &constraints) {
            let removed = constraints.choose("test", &order, count).unwrap();
            let set: BTreeSet<usize> = removed.iter().copied().collect();
            prop_assert_eq!(set.len(), count);
            prop_assert!((1..layers).contains(&count));
            prop_assert!(set.is_disjoint(&constraints.protected));
            prop_assert!(set.is_superset(&constraints.forced));
        }
    }
}

#[test]
fn a_tolerance_may_take_all_but_one_of_the_free() {
    let most =
        |layers, constraints: &Constraints| Budget::Tolerance(0.1).count(layers, constraints);
    assert_eq!(most(12, &free()), Ok(11));
    assert_eq!(most(12, &protect([3])), Ok(11));
    assert_eq!(most(12, &protect([3, 4])), Ok(10));
    assert_eq!(Budget::Tolerance(0.0).count(2, &free()), Ok(1));
    let refused = most(1, &free());
    assert_eq!(
        refused,
        Err(PlanError::Count {
            count: 0,
            layers: 1
        })
    );
    // As many as are forced is enough.
    assert_eq!(Budget::Count(2).count(4, &force([0, 1])), Ok(2));
    let plan = Plan::by_hand(vec![2, 0, 5], 6).unwrap();
    assert_eq!(plan.set(), BTreeSet::from([0, 2, 5]));
}
