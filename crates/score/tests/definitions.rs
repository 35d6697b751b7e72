//! Scores, plans and intervals equal their definitions, worked out by hand or written out again in the plainest way.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use layerlab_score::{
    Budget, Direction, LayerLosses, LayerScore, MethodScores, PlanError, Role, Schedule,
    ScoreError, ScoreOptions, ScoreTable, score,
};
use layerlab_stats::{
    Epsilon, Estimator, LayerStatistics, ModelStatistics, PairStatistics, Resamples, SequencePair,
    Tap, TapStatistics, percentile_interval, reference,
};

/// Layers of two channels: each by what its sequences hold at the taps of plain AVSS.
fn model(layers: &[&[&[f32]]]) -> ModelStatistics {
    let mut model = ModelStatistics::new(layers.len());
    for (layer, sequences) in model.layers.iter_mut().zip(layers) {
        layer.taps.insert(Tap::Output, tap(sequences));
    }
    model
}

fn tap(sequences: &[&[f32]]) -> TapStatistics {
    let sequences = sequences.iter().map(|values| {
        let mask = vec![true; values.len() / 2];
        reference::sequence(values, 2, &mask, Some(1.0))
    });
    TapStatistics {
        sequences: sequences.collect(),
    }
}

fn options() -> ScoreOptions {
    ScoreOptions {
        estimator: Estimator::Pooled,
        epsilon: Epsilon::Absolute(1.0),
        resamples: 40,
        seed: 5,
        ..ScoreOptions::default()
    }
}

fn method<'a>(table: &'a ScoreTable, id: &str) -> &'a MethodScores {
    let mut methods = table.methods.iter();
    methods
        .find(|method| method.id.to_string() == id)
        .expect(id)
}

fn values(table: &ScoreTable, id: &str) -> Vec<Option<f64>> {
    let layers = method(table, id).layers.iter();
    layers.map(|layer| layer.value).collect()
}

fn close(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|found| (found - expected).abs() <= 1e-12 * expected.abs().max(1.0))
}

/// Three layers, three sequences; nothing is odd about any.
fn healthy() -> ModelStatistics {
    model(&[
        &[&[0.5, 4.0], &[0.5, 2.0], &[0.0, 6.0]],
        &[&[0.5, 8.0], &[0.5, 9.0], &[0.0, 3.0]],
        &[&[0.5, 2.0], &[0.5, 3.0], &[0.0, 1.5]],
    ])
}

#[test]
fn methods_have_their_names_roles_and_directions() {
    let mut statistics = healthy();
    for layer in &mut statistics.layers {
        layer
            .taps
            .insert(Tap::Input, layer.taps[&Tap::Output].clone());
        layer
            .taps
            .insert(Tap::Update, layer.taps[&Tap::Output].clone());
        layer.spans = [
            (1, PairStatistics::default()),
            (2, PairStatistics::default()),
        ]
        .into();
    }
    let losses = LayerLosses {
        tokens: vec![1; 3],
        whole: vec![1.0; 3],
        without: vec![vec![1.0; 3]; 3],
    };
    let table = score(&statistics, Some(&losses), &options()).unwrap();
    let found: Vec<_> = table
        .methods
        .iter()
        .map(|method| {
            let (label, source) = (method.label.as_str(), method.source.as_str());
            (method.id.to_string(), label, source, method.role)
        })
        .collect();
    let (ranking, part, baseline) = (Role::Ranking, Role::Part, Role::Baseline);
    let expected = [
        ("avss", "AVSS", "2411.02117", ranking),
        ("avss_normalised", "AVSS normalised", "2411.02117", part),
        ("nav", "NAV", "2411.10069", part),
        ("nas", "NAS", "2411.10069", part),
        (
            "cavss_layer_order",
            "CAVSS, layer order",
            "2411.10069",
            part,
        ),
        ("cavss_rank_order", "CAVSS, rank order", "2411.10069", part),
        ("relative_avss", "relative AVSS", "ours", ranking),
        ("block_influence", "Block Influence", "2403.03853", ranking),
        (
            "relative_magnitude",
            "relative magnitude",
            "2403.03853",
            ranking,
        ),
        (
            "angular_distance_1_mean",
            "angular distance 1, mean",
            "2403.17887",
            ranking,
        ),
        (
            "angular_distance_1_last",
            "angular distance 1, last token",
            "2403.17887",
            ranking,
        ),
        (
            "angular_distance_2_mean",
            "angular distance 2, mean",
            "2403.17887",
            ranking,
        ),
        (
            "angular_distance_2_last",
            "angular distance 2, last token",
            "2403.17887",
            ranking,
        ),
        ("loss_change", "loss change", "2402.09025", ranking),
        ("last_k", "last k", "baseline", baseline),
        ("first_k", "first k", "baseline", baseline),
        ("random_1", "random, seed 1", "baseline", baseline),
        ("random_2", "random, seed 2", "baseline", baseline),
        ("random_3", "random, seed 3", "baseline", baseline),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(id, label, source, role)| (id.to_owned(), label, source, role))
        .collect();
    assert_eq!(found, expected);
    for method in &table.methods {
        let is_low = method.direction == Direction::LowIsImportant;
        assert_eq!(is_low, method.id.to_string() == "nas", "{}", method.id);
        let has_interval = method.layers[0].low.is_some();
        let is_defined = !method.id.to_string().starts_with("angular")
            && !["block_influence", "relative_magnitude"].contains(&method.id.to_string().as_str());
        assert_eq!(
            has_interval,
            method.role != baseline && is_defined,
            "{}",
            method.id
        );
        let layers: Vec<usize> = method.layers.iter().map(|layer| layer.layer).collect();
        assert_eq!(layers, [0, 1, 2]);
    }
    assert_eq!(values(&table, "last_k"), [Some(3.0), Some(2.0), Some(1.0)]);
    assert_eq!(values(&table, "first_k"), [Some(0.0), Some(1.0), Some(2.0)]);
    assert_ne!(values(&table, "random_1"), values(&table, "random_2"));
    // What a block writes is here what it reads.
    assert_eq!(values(&table, "relative_avss"), [Some(1.0); 3]);
}

/// Losses may be of answers, or of a part of the sequences: all of them count, whatever the statistics are of.
#[test]
fn losses_of_any_number_of_units_all_count() {
    for units in [1, 2, 7] {
        let losses = LayerLosses {
            tokens: vec![1; units],
            whole: vec![1.0; units],
            without: (0..3)
                .map(|layer| (0..units).map(|unit| 1.0 + (layer * unit) as f64).collect())
                .collect(),
        };
        let table = score(&healthy(), Some(&losses), &options()).unwrap();
        let mean = (0..units).sum::<usize>() as f64 / units as f64;
        let found = method(&table, "loss_change");
        for (layer, score) in found.layers.iter().enumerate() {
            assert!(
                close(score.value, layer as f64 * mean),
                "{units}: {score:?}"
            );
        }
        // Their interval is over their own units; there is none over one.
        let resamples = Resamples::new(units, 40, 5);
        let sample = resamples.draws().iter().map(|draw| {
            let sum = (0..units).map(|unit| f64::from(draw[unit]) * unit as f64);
            sum.sum::<f64>() / units as f64
        });
        let interval = percentile_interval(sample.collect(), 0.95);
        assert_eq!(interval.is_some(), units > 1);
        let ends = found.layers[1].low.zip(found.layers[1].high);
        assert_eq!(ends.is_some(), units > 1);
        if let (Some((low, high)), Some(ends)) = (interval, ends) {
            assert!(close(Some(ends.0), low) && close(Some(ends.1), high));
        }
        assert!(!table.agreement.loss_change.is_empty());
    }
}

#[test]
fn loss_change_is_a_mean_over_tokens_with_its_interval() {
    let losses = LayerLosses {
        tokens: vec![2, 5, 3],
        whole: vec![3.0, 4.0, 8.0],
        without: vec![
            vec![5.0, 4.0, 9.0],
            vec![3.0, 14.0, 8.0],
            vec![f64::INFINITY, 4.0, 8.0],
        ],
    };
    let table = score(&healthy(), Some(&losses), &options()).unwrap();
    let found = method(&table, "loss_change");
    let mean = |sums: &[f64], draw: &[u32]| {
        let of = |values: &dyn Fn(usize) -> f64| -> f64 {
            (0..3).map(|at| f64::from(draw[at]) * values(at)).sum()
        };
        of(&|at| sums[at]) / of(&|at| losses.tokens[at] as f64)
    };
    let resamples = Resamples::new(3, 40, 5);
    let mut among = [0.0; 2];
    let changes = |draw: &[u32]| {
        let change = |layer: usize| mean(&losses.without[layer], draw) - mean(&losses.whole, draw);
        [change(0), change(1)]
    };
    for draw in resamples.draws() {
        let [a, b] = changes(draw);
        // Of equals the later goes first; the third has no rank where its loss is infinite.
        let third =
            (draw[0] == 0).then(|| mean(&losses.without[2], draw) - mean(&losses.whole, draw));
        let goes = |own: f64, others: &[Option<f64>], earlier: usize| {
            let before = others.iter().enumerate().filter(|(place, other)| {
                other.is_some_and(|other| other < own || (other == own && *place >= earlier))
            });
            before.count() < table.lowest
        };
        among[0] += f64::from(u8::from(goes(a, &[Some(b), third], 0)));
        among[1] += f64::from(u8::from(goes(b, &[Some(a), third], 1)));
    }
    assert_eq!(table.lowest, 1);
    for layer in 0..2 {
        let LayerScore {
            value,
            low,
            high,
            probability_lowest,
            ..
        } = found.layers[layer];
        let expected = [0.3, 1.0][layer];
        assert!(close(value, expected), "{value:?}");
        let sample = resamples.draws().iter().map(|draw| changes(draw)[layer]);
        let (a, b) = percentile_interval(sample.collect(), 0.95).unwrap();
        assert!(close(low, a) && close(high, b), "{low:?} {high:?} {a} {b}");
        assert!(
            close(probability_lowest, among[layer] / 40.0),
            "{probability_lowest:?}"
        );
    }
    let third = &found.layers[2];
    assert_eq!((third.value, third.rank), (None, None));
    assert_eq!(found.order(), [0, 1]);
    assert_eq!(found.lowest_layer(), Some(0));
}

#[test]
fn correlations_have_intervals_over_the_same_draws() {
    let losses = LayerLosses {
        tokens: vec![1, 1, 1],
        whole: vec![0.0; 3],
        without: vec![
            vec![4.0, 1.0, 1.0],
            vec![2.0, 5.0, 2.0],
            vec![1.0, 2.0, 3.0],
        ],
    };
    let table = score(&healthy(), Some(&losses), &options()).unwrap();
    let found: Vec<String> = table
        .agreement
        .loss_change
        .iter()
        .map(|one| one.method.to_string())
        .collect();
    assert_eq!(
        found,
        [
            "avss", "last_k", "first_k", "random_1", "random_2", "random_3"
        ]
    );
    // Against 1, 2, 3 of the first layers, by 1 − 6 Σd² / (n (n² − 1)), with shared ranks by Pearson's formula.
    let rank = |values: [f64; 3]| {
        values.map(|own| {
            let below = values.iter().filter(|other| **other < own).count() as f64;
            let equal = values.iter().filter(|other| **other == own).count() as f64;
            below + (equal + 1.0) / 2.0 - 2.0
        })
    };
    let rho = |draw: &[u32]| {
        let cost = |layer: usize| -> f64 {
            let losses = losses.without[layer].iter().zip(draw);
            losses.map(|(loss, times)| loss * f64::from(*times)).sum()
        };
        let (a, b) = (rank([cost(0), cost(1), cost(2)]), rank([0.0, 1.0, 2.0]));
        let product = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
        product(a, b) / (product(a, a) * product(b, b)).sqrt()
    };
    let first = &table.agreement.loss_change[2];
    assert!(close(first.spearman, rho(&[1, 1, 1])), "{first:?}");
    let resamples = Resamples::new(3, 40, 5);
    let sample = resamples.draws().iter().map(|draw| rho(draw));
    let sample: Vec<f64> = sample.filter(|rho| rho.is_finite()).collect();
    let (low, high) = percentile_interval(sample, 0.95).unwrap();
    assert!(
        close(first.low, low) && close(first.high, high),
        "{first:?} {low} {high}"
    );
    let last = &table.agreement.loss_change[1];
    assert!(close(last.spearman, -first.spearman.unwrap()));
}

#[test]
fn a_healthy_model_is_warned_of_nothing() {
    let table = score(&healthy(), None, &options()).unwrap();
    assert_eq!(table.warnings, Vec::<String>::new());
    assert_eq!((table.lowest, table.sequences), (1, 3));
}

/// Shares of nothing are undefined, but AVSS itself is 0 everywhere and disagrees with nobody, least of all with itself.
#[test]
fn layers_that_never_vary_are_no_disagreement() {
    let constant: &[&[f32]] = &[&[0.5, 0.5], &[0.5, 0.5]];
    let table = score(&model(&[constant; 3]), None, &options()).unwrap();
    assert_eq!(values(&table, "avss"), [Some(0.0); 3]);
    assert_eq!(values(&table, "avss_normalised"), [None; 3]);
    assert_eq!(table.warnings, Vec::<String>::new());
}

#[test]
fn what_is_odd_is_told_by_layer() {
    let mut statistics = healthy();
    let pair = |degenerate, sum| PairStatistics {
        sequences: vec![
            SequencePair {
                tokens: 1,
                degenerate,
                one_minus_cosine_sum: sum,
                relative_magnitude_sum: 2.0 - sum,
                angle_sum: sum,
                ..SequencePair::default()
            };
            3
        ],
    };
    for (layer, (degenerate, sum)) in [(0, 0.1), (2, 0.3), (1, 0.2)].into_iter().enumerate() {
        statistics.layers[layer].spans = [(1, pair(degenerate, sum))].into();
    }
    let table = score(&statistics, None, &options()).unwrap();
    // AVSS would remove layer 2 first, Block Influence and the angle layer 0, relative magnitude layer 1. The angle of last
    // tokens was not measured, so it removes none.
    let expected = [
        "layer 1, 2: some tokens have hidden states without a direction; they are left out of cosines and angles",
        "AVSS would remove another layer first than 3 other methods",
    ];
    assert_eq!(table.warnings, expected);
    // Where all agree there is nothing to tell.
    for (layer, sum) in [0.2, 0.3, 0.1].into_iter().enumerate() {
        statistics.layers[layer].spans = [(1, pair(0, sum))].into();
    }
    let table = score(&statistics, None, &options()).unwrap();
    let said = "AVSS would remove another layer first than relative magnitude";
    assert_eq!(table.warnings, [said]);
}

#[test]
fn what_reads_nothing_has_no_relative_score() {
    let mut statistics = healthy();
    for (layer, read) in statistics.layers.iter_mut().zip([2.0, 0.0, 2.0]) {
        let output = layer.taps[&Tap::Output].clone();
        layer.taps.insert(Tap::Update, output);
        let constant: &[f32] = &[read, 0.0];
        layer.taps.insert(Tap::Input, tap(&[constant; 3]));
    }
    let table = score(&statistics, None, &options()).unwrap();
    let found = values(&table, "relative_avss");
    let is_there: Vec<bool> = found.iter().map(Option::is_some).collect();
    assert_eq!(is_there, [true, false, true]);
    // Of 2 and 0 the variance is 1; half lies below the threshold: 2. Of the first layer's 0.5, 4, 0.5, 2, 0, 6 the mean is
    // 13/6 and the mean square 56.5/6; of these 0 alone lies below 5 % of the RMS, 0.15.
    let variance = 56.5 / 6.0 - (13.0f64 / 6.0).powi(2);
    assert!(close(found[0], variance / (1.0 / 6.0) / 2.0), "{found:?}");
    // Without one of the taps there is no such column.
    statistics.layers[1].taps.remove(&Tap::Input);
    let table = score(&statistics, None, &options()).unwrap();
    assert!(
        table
            .methods
            .iter()
            .all(|method| method.id.to_string() != "relative_avss")
    );
}

#[test]
fn options_are_what_they_say() {
    let authors = ScoreOptions::authors();
    assert_eq!(
        (authors.estimator, authors.tap),
        (Estimator::Pooled, Tap::Output)
    );
    assert_eq!(authors.epsilon, Epsilon::Absolute(1e-5));
    let lowest = |layers| ScoreOptions::default().lowest_of(layers);
    let found = [1, 2, 3, 5, 6, 12, 30].map(lowest);
    assert_eq!(found, [0, 1, 1, 1, 2, 3, 8]);
    let of = |lowest, layers| {
        let lowest = Some(lowest);
        ScoreOptions {
            lowest,
            ..options()
        }
        .lowest_of(layers)
    };
    assert_eq!([of(2, 12), of(7, 3)], [2, 2]);
    for confidence in [0.0, 1.0, -0.1, 1.1, f64::NAN] {
        let refused = score(
            &healthy(),
            None,
            &ScoreOptions {
                confidence,
                ..options()
            },
        );
        assert!(
            matches!(refused, Err(ScoreError::Confidence(_))),
            "{confidence}"
        );
    }
    for (lowest, is_right) in [(0, false), (1, true), (2, true), (3, false), (4, false)] {
        let lowest = Some(lowest);
        let found = score(
            &healthy(),
            None,
            &ScoreOptions {
                lowest,
                ..options()
            },
        );
        assert_eq!(found.is_ok(), is_right, "{lowest:?}");
    }
    let none = ModelStatistics {
        layers: vec![LayerStatistics::default()],
    };
    assert_eq!(
        score(&none, None, &options()),
        Err(ScoreError::NothingMeasured)
    );
}

#[test]
fn plans_are_told_in_words() {
    for (schedule, text) in [
        (Schedule::OneShot, "one-shot"),
        (Schedule::Iterative, "iterative"),
        (Schedule::IterativeScale, "iterative-scale"),
        (Schedule::IterativeRefit, "iterative-refit"),
    ] {
        assert!(Schedule::ALL.contains(&schedule) && Schedule::CHOICES.contains(text));
        assert_eq!(schedule.to_string(), text);
        assert_eq!(text.parse(), Ok(schedule));
        assert_eq!(format!("{schedule:>12}"), format!("{text:>12}"));
    }
    let unknown = "twice".parse::<Schedule>();
    assert_eq!(unknown, Err(PlanError::Schedule("twice".into())));
    for (budget, text) in [
        (Budget::Count(1), "1 layer"),
        (Budget::Count(3), "3 layers"),
        (Budget::Share(0.25), "25 % of the layers"),
        (
            Budget::Tolerance(0.125),
            "while perplexity rises by at most 12.5 %",
        ),
    ] {
        assert_eq!(budget.to_string(), text);
    }
}
