//! What scores are made of: losses, and the parts of AVSS.
#![allow(missing_docs, clippy::unwrap_used)]

use layerlab_score::{LayerLosses, ScoreOptions, score};
use layerlab_stats::{Epsilon, Estimator, ModelStatistics, Tap, TapStatistics, reference};

#[test]
fn losses_of_shards_are_appended() {
    let shard = |first: f64| LayerLosses {
        tokens: vec![first as usize],
        whole: vec![first],
        without: vec![vec![first + 1.0], vec![first + 2.0]],
    };
    let mut all = shard(1.0);
    all.append(shard(5.0));
    assert_eq!((all.tokens, all.whole), (vec![1, 5], vec![1.0, 5.0]));
    assert_eq!(all.without, [[2.0, 6.0], [3.0, 7.0]]);
}

#[test]
fn a_mean_loss_is_one_of_tokens_and_of_none_there_is_none() {
    let mut losses = LayerLosses {
        tokens: vec![1, 3],
        whole: vec![2.0, 10.0],
        ..LayerLosses::default()
    };
    assert_eq!(losses.whole_mean(), Some(3.0));
    assert_eq!(losses.mean(&losses.whole, &[2, 1]), Some(2.8));
    assert_eq!(losses.mean(&losses.whole, &[0, 0]), None);
    losses.tokens = vec![0, 0];
    assert_eq!(losses.whole_mean(), None);
}

/// Of 0 and 2 the variance is 1, of 0 and 4 it is 4; in both, one of two is below the threshold.
#[test]
fn variance_and_sparsity_are_shares_of_their_sums() {
    let mut model = ModelStatistics::new(2);
    for (layer, state) in model.layers.iter_mut().zip([[0.0, 2.0], [0.0, 4.0]]) {
        let sequences = vec![reference::sequence(&state, 2, &[true], Some(1.0))];
        layer.taps.insert(Tap::Output, TapStatistics { sequences });
    }
    let options = ScoreOptions {
        estimator: Estimator::Element,
        epsilon: Epsilon::Absolute(1.0),
        tap: Tap::Output,
        resamples: 0,
        ..ScoreOptions::default()
    };
    let table = score(&model, None, &options).unwrap();
    for (id, shares) in [("nav", [0.2, 0.8]), ("nas", [0.5, 0.5])] {
        let mut methods = table.methods.iter();
        let method = methods.find(|method| method.id.to_string() == id).unwrap();
        for (layer, share) in method.layers.iter().zip(shares) {
            assert!((layer.value.unwrap() - share).abs() < 1e-12, "{id}");
        }
    }
}
