//! Scores against definitions written out again, and against cases worked by hand.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use layerlab_score::{
    LayerLosses, MethodScores, Role, ScoreError, ScoreOptions, ScoreTable, score,
};
use layerlab_stats::{
    Epsilon, Estimator, LayerStatistics, ModelStatistics, PairStatistics, Tap, TapStatistics,
    reference,
};
use proptest::prelude::*;

/// One sequence's activation at one layer: `[tokens][channels]`.
type Activation = Vec<Vec<f32>>;

/// Measures residual streams `[layer 0..=L][sequence]` as a forward pass would.
fn measure(streams: &[Vec<Activation>], epsilon: Epsilon) -> ModelStatistics {
    let absolute = epsilon.absolute();
    let layers = streams.len() - 1;
    let mut statistics = ModelStatistics::new(layers);
    let flat = |activation: &Activation| activation.concat();
    for (layer, measured) in statistics.layers.iter_mut().enumerate() {
        let mut input = TapStatistics::default();
        let mut output = TapStatistics::default();
        let mut update = TapStatistics::default();
        let mut pairs = PairStatistics::default();
        for (before, after) in streams[layer].iter().zip(&streams[layer + 1]) {
            let mask = vec![true; before.len()];
            let channels = before[0].len();
            let (a, b) = (flat(before), flat(after));
            let difference: Vec<f32> = a.iter().zip(&b).map(|(a, b)| b - a).collect();
            input
                .sequences
                .push(reference::sequence(&a, channels, &mask, absolute));
            output
                .sequences
                .push(reference::sequence(&b, channels, &mask, absolute));
            update
                .sequences
                .push(reference::sequence(&difference, channels, &mask, absolute));
            pairs
                .sequences
                .push(reference::pair(&a, &b, channels, &mask));
        }
        *measured = LayerStatistics {
            taps: [
                (Tap::Input, input),
                (Tap::Output, output),
                (Tap::Update, update),
            ]
            .into(),
            spans: [(1, pairs)].into(),
        };
    }
    statistics
}

fn method<'a>(table: &'a ScoreTable, id: &str) -> &'a MethodScores {
    table
        .methods
        .iter()
        .find(|method| method.id.to_string() == id)
        .expect(id)
}

fn values(table: &ScoreTable, id: &str) -> Vec<f64> {
    method(table, id)
        .layers
        .iter()
        .map(|layer| layer.value.unwrap())
        .collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b.abs().max(1e-300)
}

/// Streams of random numbers: `layers + 1` of `sequences` of varying length.
fn streams(layers: usize, sequences: usize) -> impl Strategy<Value = Vec<Vec<Activation>>> {
    let channels = 6;
    let row = prop::collection::vec(-3.0f32..3.0, channels);
    prop::collection::vec(
        (0..sequences)
            .map(|sequence| prop::collection::vec(row.clone(), 4 + sequence))
            .collect::<Vec<_>>(),
        layers + 1,
    )
}

/// The same with a zero in every sequence, without which shares of sparsity may be 0 of 0.
fn sparse_streams(layers: usize, sequences: usize) -> impl Strategy<Value = Vec<Vec<Activation>>> {
    streams(layers, sequences).prop_map(|mut streams| {
        for sequence in streams.iter_mut().flatten() {
            sequence[0][0] = 0.0;
        }
        streams
    })
}

fn quick(options: ScoreOptions) -> ScoreOptions {
    ScoreOptions {
        resamples: 50,
        ..options
    }
}

/// The authors' recipe written out again: the mean over tokens, its unbiased variance, averaged; over
/// the share of elements below 1e-5.
fn authors_avss(layer: &[Activation]) -> f64 {
    let mut variances = Vec::new();
    let (mut below, mut elements) = (0.0, 0.0);
    for sequence in layer {
        let channels = sequence[0].len();
        let means: Vec<f64> = (0..channels)
            .map(|channel| {
                let column = sequence.iter().map(|token| f64::from(token[channel]));
                column.sum::<f64>() / sequence.len() as f64
            })
            .collect();
        let centre = means.iter().sum::<f64>() / channels as f64;
        let squares: f64 = means.iter().map(|mean| (mean - centre).powi(2)).sum();
        variances.push(squares / (channels - 1) as f64);
        for value in sequence.iter().flatten() {
            below += if f64::from(value.abs()) < 1e-5 {
                1.0
            } else {
                0.0
            };
            elements += 1.0;
        }
    }
    let variance = variances.iter().sum::<f64>() / variances.len() as f64;
    let sparsity: f64 = below / elements;
    variance / sparsity.max(1.0 / elements)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_authors_recipe(mut streams in streams(3, 4), zeros in 0usize..5) {
        for value in streams[1][0][0].iter_mut().take(zeros) {
            *value = 1e-6;
        }
        let options = quick(ScoreOptions::authors());
        let table = score(&measure(&streams, options.epsilon), None, &options).unwrap();
        for (found, layer) in values(&table, "avss").iter().zip(&streams[1..]) {
            prop_assert!(close(*found, authors_avss(layer)), "{found}");
        }
    }

    #[test]
    fn scaling_a_model_changes_no_ranking(streams in streams(4, 3)) {
        let options = quick(ScoreOptions::default());
        let scaled: Vec<Vec<Activation>> = streams.iter().map(|layer| layer.iter().map(|sequence| {
            sequence.iter().map(|token| token.iter().map(|value| value * 4.0).collect()).collect()
        }).collect()).collect();
        let before = score(&measure(&streams, options.epsilon), None, &options).unwrap();
        let after = score(&measure(&scaled, options.epsilon), None, &options).unwrap();
        for (a, b) in values(&before, "avss").iter().zip(values(&after, "avss")) {
            prop_assert!(close(b, a * 16.0), "{a} {b}");
        }
        for id in ["relative_avss", "block_influence", "relative_magnitude"] {
            for (a, b) in values(&before, id).iter().zip(values(&after, id)) {
                prop_assert!((b - a).abs() <= 1e-6 * a.abs(), "{id}: {a} {b}");
            }
        }
    }

    #[test]
    fn ranks_and_probabilities_add_up(streams in sparse_streams(5, 4), lowest in 1usize..5) {
        let options = quick(ScoreOptions { lowest: Some(lowest), ..ScoreOptions::default() });
        let table = score(&measure(&streams, options.epsilon), None, &options).unwrap();
        for method in &table.methods {
            let mut ranks: Vec<_> = method.layers.iter().map(|layer| layer.rank.unwrap()).collect();
            ranks.sort_unstable();
            prop_assert_eq!(&ranks, &[1, 2, 3, 4, 5]);
            if method.role != Role::Baseline {
                let sum: f64 = method.layers.iter().filter_map(|l| l.probability_lowest).sum();
                prop_assert!((sum - lowest as f64).abs() < 1e-9, "{}: {sum}", method.id);
                for layer in &method.layers {
                    prop_assert!(layer.low <= layer.high);
                }
            }
        }
        let last = method(&table, "last_k");
        prop_assert_eq!(last.lowest_layer(), Some(4));
        for (index, row) in table.agreement.spearman.iter().enumerate() {
            prop_assert!((row[index].unwrap() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn shares_sum_to_one_and_cumulate(streams in sparse_streams(4, 2)) {
        let options = quick(ScoreOptions::default());
        let table = score(&measure(&streams, options.epsilon), None, &options).unwrap();
        for id in ["nav", "nas", "avss_normalised"] {
            let sum: f64 = values(&table, id).iter().sum();
            prop_assert!((sum - 1.0).abs() < 1e-9, "{id}: {sum}");
        }
        let shares = values(&table, "avss_normalised");
        let in_layers = values(&table, "cavss_layer_order");
        for layer in 0..4 {
            prop_assert!(close(in_layers[layer], shares[..=layer].iter().sum()));
        }
        let in_ranks = values(&table, "cavss_rank_order");
        for layer in 0..4 {
            let not_above = shares.iter().filter(|share| **share <= shares[layer]);
            prop_assert!(close(in_ranks[layer], not_above.sum()));
        }
    }
}

/// Two tokens of two channels, doubled by the block: parallel, so no influence, and an update as long
/// as the input, half as long as the output.
#[test]
fn a_block_that_doubles() {
    let input: Activation = vec![vec![3.0, 4.0], vec![0.0, 5.0]];
    let output: Activation = vec![vec![6.0, 8.0], vec![0.0, 10.0]];
    let third: Activation = vec![vec![-8.0, 6.0], vec![10.0, 0.0]];
    let streams = vec![vec![input], vec![output], vec![third]];
    let options = ScoreOptions::authors();
    let table = score(&measure(&streams, options.epsilon), None, &options).unwrap();
    let influence = values(&table, "block_influence");
    assert!(influence[0].abs() < 1e-12, "parallel");
    assert!((influence[1] - 1.0).abs() < 1e-12, "a quarter turn");
    let angle = values(&table, "angular_distance_1_mean");
    assert!((angle[1] - 0.5).abs() < 1e-12, "half of pi");
    assert!((values(&table, "relative_magnitude")[0] - 0.5).abs() < 1e-12);
    // Pooled means (3, 9): unbiased variance 18. One of four elements is 0: AS = 1/4.
    assert!((values(&table, "avss")[0] - 72.0).abs() < 1e-9);
    assert!(method(&table, "avss").layers[0].low.is_none());
    assert!(
        table
            .warnings
            .iter()
            .any(|warning| warning.contains("one sequence"))
    );
}

#[test]
fn saturation_is_flagged() {
    let stream = |scale: f32| vec![vec![vec![scale, 2.0 * scale], vec![3.0 * scale, scale]]];
    let streams = vec![stream(1.0), stream(2.0), stream(3.0)];
    let options = ScoreOptions::authors();
    let table = score(&measure(&streams, options.epsilon), None, &options).unwrap();
    assert!(
        table
            .warnings
            .iter()
            .any(|w| w.contains("layer 0, 1:") && w.contains("saturated"))
    );
    let shares = &method(&table, "nas").layers;
    assert!(shares.iter().all(|share| share.value.is_none()), "0 of 0");
}

#[test]
fn a_layer_that_is_not_finite_has_no_score() {
    let good: Activation = vec![vec![1.0, 2.0], vec![0.5, -1.0]];
    let bad: Activation = vec![vec![1.0, f32::NAN], vec![0.5, -1.0]];
    let streams = vec![vec![good.clone()], vec![bad], vec![good]];
    let options = ScoreOptions::default();
    let table = score(&measure(&streams, options.epsilon), None, &options).unwrap();
    let avss = method(&table, "avss");
    assert_eq!(avss.layers[0].value, None);
    assert_eq!(avss.layers[0].rank, None);
    assert!(avss.layers[1].value.is_some());
    assert!(table.warnings.iter().any(|warning| warning.contains("NaN")));
}

#[test]
fn the_estimators_differ_as_defined() {
    // Channel means 0 and 10 whatever the token; tokens differ by ±1 in both channels.
    let layer: Activation = vec![vec![1.0, 11.0], vec![-1.0, 9.0]];
    let streams = vec![vec![layer.clone()], vec![layer.clone()], vec![layer]];
    let with = |estimator| {
        let options = ScoreOptions {
            estimator,
            ..ScoreOptions::authors()
        };
        let table = score(&measure(&streams, options.epsilon), None, &options).unwrap();
        // AS' is 1/4 for the four elements: AVSS is four times the variance.
        values(&table, "avss")[0] / 4.0
    };
    assert!((with(Estimator::Pooled) - 50.0).abs() < 1e-9);
    assert!((with(Estimator::Element) - 26.0).abs() < 1e-9);
    assert!((with(Estimator::Channel) - 1.0).abs() < 1e-9);
}

/// Scored again at another absolute threshold than that of the pass, off the edges of the histogram's bins.
#[test]
fn another_absolute_threshold_is_another_score() {
    let stream = |scale: f32| -> Vec<Activation> {
        let token = |shift: f32| (0..6).map(move |channel| scale * (0.1 * channel as f32 + shift));
        vec![vec![token(0.01).collect(), token(0.07).collect()]]
    };
    let streams = vec![stream(1.0), stream(1.1), stream(0.9)];
    let counted_below = Epsilon::Absolute(1e-5);
    let at = |counted_below, epsilon| {
        let options = ScoreOptions {
            epsilon,
            ..ScoreOptions::authors()
        };
        let table = score(&measure(&streams, counted_below), None, &options).unwrap();
        [values(&table, "avss"), values(&table, "nas")]
    };
    let asked = Epsilon::Absolute(0.3);
    let again = at(counted_below, asked);
    assert_eq!(
        again,
        at(Epsilon::Relative(0.1), asked),
        "from the histogram"
    );
    // Counted: 6 of the first layer's 12 outputs lie below 0.3 (1.1 times 0.01, 0.07, 0.11, 0.17, 0.21 and 0.27), and
    // of the second's these and 0.279.
    let exact = at(asked, asked);
    for (found, expected) in exact[1].iter().zip([6.0 / 13.0, 7.0 / 13.0]) {
        assert!(close(*found, expected), "{found}");
    }
    for (again, exact) in again[0].iter().zip(&exact[0]) {
        assert!((again / exact - 1.0).abs() < 0.2, "{again} {exact}");
    }
    let of_the_pass = score(
        &measure(&streams, counted_below),
        None,
        &ScoreOptions::authors(),
    );
    let of_the_pass = values(&of_the_pass.unwrap(), "avss");
    // One of twelve at the floor, against six of twelve.
    assert!(of_the_pass[0] / exact[0][0] > 5.9);
}

/// Of layers that one method has no value for, neither side's rank counts.
#[test]
fn agreement_is_among_the_layers_that_both_know() {
    let layer = |scale: f32, turn: f32| -> Activation {
        vec![vec![scale, scale * turn], vec![-scale * turn, 3.0 * scale]]
    };
    let mut streams: Vec<Vec<Activation>> = [(1.0, 0.5), (1.3, 0.7), (1.1, 0.2), (2.0, 0.9)]
        .map(|(scale, turn)| vec![layer(scale, turn)])
        .into();
    streams.push(vec![vec![vec![f32::NAN, 1.0], vec![-0.3, 5.0]]]);
    streams.push(vec![layer(1.7, 0.4)]);
    let options = ScoreOptions::authors();
    let table = score(&measure(&streams, options.epsilon), None, &options).unwrap();
    let of = |id: &str| {
        let layers = method(&table, id).layers.iter();
        layers.map(|layer| layer.value).collect::<Vec<_>>()
    };
    let (avss, influence) = (of("avss"), of("block_influence"));
    assert_eq!(avss.iter().filter(|value| value.is_none()).count(), 1);
    // The other ranks it amid the rest, so that it would leave a gap there.
    let amid = influence[3].unwrap();
    assert!(influence.iter().flatten().any(|value| *value < amid));
    assert!(influence.iter().flatten().any(|value| *value > amid));
    let both = avss.iter().zip(&influence);
    let both: Vec<(f64, f64)> = both.filter_map(|(a, b)| Some(((*a)?, (*b)?))).collect();
    // Without ties: 1 - 6 Σd² / (n (n² - 1)) over ranks among these.
    let rank = |value: f64, all: &dyn Fn(&(f64, f64)) -> f64| {
        both.iter().filter(|pair| all(pair) < value).count() as f64
    };
    let squares: f64 = both
        .iter()
        .map(|(a, b)| (rank(*a, &|pair| pair.0) - rank(*b, &|pair| pair.1)).powi(2))
        .sum();
    let n = both.len() as f64;
    let expected = 1.0 - 6.0 * squares / (n * (n * n - 1.0));
    let place = |id: &str| {
        table
            .agreement
            .methods
            .iter()
            .position(|one| one.to_string() == id)
            .unwrap()
    };
    let found = table.agreement.spearman[place("avss")][place("block_influence")].unwrap();
    assert!((found - expected).abs() < 1e-12, "{found} {expected}");
}

#[test]
fn options_out_of_range_are_refused() {
    let layer: Vec<Activation> = vec![vec![vec![1.0, 2.0]]];
    let statistics = measure(
        &[layer.clone(), layer.clone(), layer],
        Epsilon::Relative(0.1),
    );
    let with = |change: fn(&mut ScoreOptions)| {
        let mut options = ScoreOptions::default();
        change(&mut options);
        score(&statistics, None, &options).unwrap_err()
    };
    assert_eq!(with(|o| o.confidence = 1.0), ScoreError::Confidence(1.0));
    let refused = with(|o| o.resamples = 100_001);
    assert_eq!(refused, ScoreError::Resamples(100_001));
    assert!(matches!(
        with(|o| o.lowest = Some(0)),
        ScoreError::Lowest { .. }
    ));
    assert!(matches!(
        with(|o| o.lowest = Some(2)),
        ScoreError::Lowest { .. }
    ));
    assert!(matches!(
        with(|o| o.tap = Tap::Mlp),
        ScoreError::TapNotMeasured { .. }
    ));
    // Without layers, and with layers that no sequence went through.
    for layers in [0, 2] {
        let empty = ModelStatistics::new(layers);
        let found = score(&empty, None, &ScoreOptions::default()).unwrap_err();
        assert_eq!(found, ScoreError::NothingMeasured, "{layers}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn methods_are_correlated_with_the_measured_loss(streams in streams(5, 8)) {
        let options = quick(ScoreOptions::default());
        let statistics = measure(&streams, options.epsilon);
        let without = score(&statistics, None, &options).unwrap();
        prop_assert!(without.agreement.loss_change.is_empty());
        let found: Vec<f64> = method(&without, "block_influence")
            .layers
            .iter()
            .map(|layer| layer.value.unwrap())
            .collect();
        for direction in [1.0, -1.0] {
            // Every sequence loses by a layer as much, or as little, as Block Influence says.
            let losses = LayerLosses {
                tokens: vec![10; 8],
                whole: vec![20.0; 8],
                without: found
                    .iter()
                    .map(|value| vec![20.0 + direction * value; 8])
                    .collect(),
            };
            let table = score(&statistics, Some(&losses), &options).unwrap();
            let mut correlations = table.agreement.loss_change.iter();
            let correlation = correlations.find(|found| found.method.to_string() == "block_influence").unwrap();
            let rho = correlation.spearman.unwrap();
            prop_assert!((rho - direction).abs() < 1e-12, "{}", rho);
            let (low, high) = (correlation.low.unwrap(), correlation.high.unwrap());
            prop_assert!(-1.0 - 1e-12 <= low && low <= high && high <= 1.0 + 1e-12);
        }
    }
}
