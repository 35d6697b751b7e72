//! Plans against brute force.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;

use layerlab_lab::{
    Budget, Cancel, Constraints, Decoder, DeviceChoice, HealError, HealRequest, Healing, LabError,
    NoStages, OpenModel, Plan, Run, Schedule, ScoreRequest, TaskAnswers, Text, files::Folder,
    heal_with, plan_removals,
};
use layerlab_model::Cuts;
use pollster::block_on;
use support::{
    judging::{datasets, judge, judged, plan, pruning, request},
    open, score, scoring, short, text,
};

/// Mean cross-entropy per token over the calibration sequences, by the plain way: a whole pass.
fn loss(model: &OpenModel<Folder>, text: &Text, removed: &BTreeSet<usize>) -> f64 {
    use layerlab_model::{NoObserver, PaddingSide, Target, TokenBatch};
    let view = model.decoder.without(removed).unwrap();
    let (mut sum, mut tokens) = (0.0, 0);
    for sequence in &text.sequences {
        let batch = TokenBatch::new(&[sequence], PaddingSide::Right).unwrap();
        let hidden = view.hidden_states(&batch, None, &mut NoObserver).unwrap();
        let targets: Vec<Target> = (1..sequence.len())
            .map(|place| Target {
                row: 0,
                position: place - 1,
                token: sequence[place],
            })
            .collect();
        let found = view.log_likelihoods(hidden, &targets).unwrap();
        let found = block_on(found.into_data_async()).unwrap();
        sum -= found.iter::<f32>().map(f64::from).sum::<f64>();
        tokens += targets.len();
    }
    sum / tokens as f64
}

#[test]
fn loss_change_is_what_leaving_out_costs() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let report = judged(&model, &request(Budget::Count(1)));
    let methods = &scoring(&report).scores.methods;
    let found = methods
        .iter()
        .find(|method| method.id.to_string() == "loss_change")
        .unwrap();
    let whole = loss(&model, &text, &BTreeSet::new());
    for layer in &found.layers {
        let expected = loss(&model, &text, &BTreeSet::from([layer.layer])) - whole;
        let value = layer.value.unwrap();
        assert!((value - expected).abs() < 1e-5, "{value} for {expected}");
        assert!(layer.low.unwrap() <= value && value <= layer.high.unwrap());
    }
    // 6 blocks: 5 + 4 + … + 0 after each candidate, what is below the scoring pass passes; plainly 6 × 5 and 6.
    let passes = &pruning(&report).block_passes[0];
    let sequences = text.sequences.len() as u64;
    assert_eq!(
        (passes.counted, passes.plain),
        (15 * sequences, 36 * sequences)
    );
}

/// The pass that is measured is also what those without a layer begin with.
#[test]
fn losses_on_the_way_change_no_statistics() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let [alone, with_losses] = [false, true].map(|loss_change| {
        let request = ScoreRequest {
            loss_change,
            ..ScoreRequest::default()
        };
        let report = score(&model, &text, &request).unwrap();
        scoring(&report).statistics.clone()
    });
    assert_eq!(alone, with_losses);
}

#[test]
fn greedy_removal_is_brute_force_with_fewer_passes() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let report = judged(&model, &request(Budget::Count(3)));
    let mut removed = BTreeSet::new();
    for &layer in &plan(&report, "loss_change", Schedule::Iterative).removed {
        let with = |layer: usize| {
            let mut set: BTreeSet<usize> = removed.clone();
            set.insert(layer);
            loss(&model, &text, &set)
        };
        let others = (0..6).filter(|other| !removed.contains(other) && *other != layer);
        for other in others {
            assert!(with(layer) <= with(other) + 1e-5, "{layer} before {other}");
        }
        removed.insert(layer);
    }
    assert_eq!(removed.len(), 3);
    let passes = &pruning(&report).block_passes;
    let greedy = passes
        .iter()
        .find(|passes| passes.purpose.starts_with("greedy"))
        .unwrap();
    // 6, 5 and 4 blocks: after each candidate, and below the last one.
    let counted = [6u64, 5, 4]
        .map(|n| n * (n - 1) / 2 + n - 1)
        .iter()
        .sum::<u64>();
    let plain = [6u64, 5, 4].map(|n| n * (n - 1)).iter().sum::<u64>();
    let sequences = text.sequences.len() as u64;
    assert_eq!(
        (greedy.counted, greedy.plain),
        (counted * sequences, plain * sequences)
    );
    // The whole model and every cut along the plans read the windows of the text, in groups of 16, and some of them answer
    // questions.
    let judging = passes
        .iter()
        .find(|passes| passes.purpose.starts_with("judging"))
        .unwrap();
    let removed = pruning(&report).outcomes.iter();
    let removed = removed.map(|outcome| outcome.removed.clone());
    let sets: Vec<BTreeSet<usize>> = removed.chain([BTreeSet::new()]).collect();
    let cuts = Cuts::new(6, &sets).unwrap();
    let windows = report.evaluation[0].items as u64;
    assert!(judging.plain > cuts.plain_passes() as u64 * windows);
    assert!(judging.counted > cuts.passes() as u64 * windows);
    assert!(judging.counted < judging.plain);
}

/// The model without `removed`, healed by the plain way.
fn healed(
    model: &OpenModel<Folder>,
    text: &Text,
    removed: &BTreeSet<usize>,
    way: Healing,
) -> Decoder {
    let (cancel, mut show) = (Cancel::default(), |_| ());
    let request = HealRequest {
        ways: vec![way],
        ..HealRequest::default()
    };
    let mut run = Run::new(&mut show, &cancel);
    block_on(heal_with(model, removed, text, &request, &mut run))
        .unwrap()
        .decoder
}

#[test]
fn a_search_that_heals_measures_the_healed_model() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    for (schedule, way) in [
        (Schedule::IterativeScale, Healing::Scale),
        (Schedule::IterativeRefit, Healing::Refit),
    ] {
        let mut request = request(Budget::Count(3));
        request.plans.schedules = BTreeSet::from([schedule]);
        request.plans.methods = vec![
            "loss_change".parse().unwrap(),
            "block_influence".parse().unwrap(),
        ];
        let report = judged(&model, &request);
        let mut removed = BTreeSet::new();
        let mut left = open(DeviceChoice::Cpu);
        for &layer in &plan(&report, "loss_change", schedule).removed {
            let kept: Vec<usize> = (0..6).filter(|layer| !removed.contains(layer)).collect();
            let without = |layer: usize| {
                let place = kept.iter().position(|kept| *kept == layer).unwrap();
                loss(&left, &text, &BTreeSet::from([place]))
            };
            let chosen = without(layer);
            // Of the first layer nothing is before, so that the gap could not be healed.
            for other in kept.iter().filter(|other| **other > 0) {
                assert!(
                    chosen <= without(*other) + 1e-5,
                    "{schedule}: {layer} before {other}"
                );
            }
            removed.insert(layer);
            left.decoder = healed(&model, &text, &removed, way);
        }
        assert_eq!(removed.len(), 3);
        // What the scores choose second is the lowest of the healed model without the first.
        let by_score = plan(&report, "block_influence", schedule);
        let first = by_score.removed[0];
        left.decoder = healed(&model, &text, &BTreeSet::from([first]), way);
        let again = score(&left, &text, &ScoreRequest::default()).unwrap();
        let mut methods = scoring(&again).scores.methods.iter();
        let method = methods.find(|method| method.id == by_score.method).unwrap();
        let second = method
            .order()
            .into_iter()
            .map(|place| place + usize::from(place >= first));
        assert_eq!(
            by_score.removed[1],
            second.into_iter().find(|layer| *layer > 0).unwrap()
        );
    }
}

#[test]
fn a_tolerance_is_for_the_loss_of_the_text_and_of_the_healed_model() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let whole = loss(&model, &text, &BTreeSet::new());
    let (context, share) = (model.decoder.spec().context, 0.6);
    for (schedule, of_answers) in [
        (Schedule::IterativeRefit, false),
        (Schedule::Iterative, true),
    ] {
        let mut request = request(Budget::Tolerance(share));
        request.plans.schedules = BTreeSet::from([schedule]);
        request.plans.methods = vec!["loss_change".parse().unwrap()];
        if of_answers {
            let answers = TaskAnswers::of(&datasets(), &model.tokenizer, context, &request.eval);
            request.score.answers = Some(answers.unwrap());
        }
        let report = judged(&model, &request);
        let removed = plan(&report, "loss_change", schedule).set();
        let mut left = open(DeviceChoice::Cpu);
        left.decoder = match of_answers {
            true => model.decoder.without(&removed).unwrap(),
            false => healed(&model, &text, &removed, Healing::Refit),
        };
        let found = loss(&left, &text, &BTreeSet::new());
        assert!(
            !removed.is_empty() && found <= whole + share.ln_1p() + 1e-5,
            "{schedule}"
        );
    }
}

#[test]
fn a_search_that_heals_keeps_the_first_layer_and_refuses_to_be_made_to_remove_it() {
    let model = open(DeviceChoice::Cpu);
    let mut request = request(Budget::Count(5));
    request.plans.schedules = BTreeSet::from([Schedule::IterativeRefit]);
    request.plans.methods = vec![
        "loss_change".parse().unwrap(),
        "block_influence".parse().unwrap(),
    ];
    for plan in &pruning(&judged(&model, &request)).plans {
        assert_eq!(plan.set(), (1..6).collect(), "{plan:?}");
    }
    request.plans.constraints.forced = BTreeSet::from([0]);
    let text = text(&model, short());
    let cancel = Cancel::default();
    let refused = judge(&model, &text, &request, &mut NoStages, &mut |_| (), &cancel);
    assert!(
        matches!(refused, Err(LabError::Heal(HealError::NothingBefore))),
        "{refused:?}"
    );
}

#[test]
fn loss_change_of_answers_counts_their_tokens_alone() {
    use layerlab_model::{NoObserver, PaddingSide, Target, TokenBatch};
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let mut request = request(Budget::Count(2));
    let context = model.decoder.spec().context;
    let answers = TaskAnswers::of(&datasets(), &model.tokenizer, context, &request.eval).unwrap();
    assert_eq!(answers.datasets.len(), 1);
    assert_eq!(answers.sequences.len(), answers.starts.len());
    assert!(answers.sequences.len() > 1 && answers.starts.iter().all(|start| *start > 1));
    let loss = |removed: &BTreeSet<usize>| {
        let view = model.decoder.without(removed).unwrap();
        let (mut sum, mut tokens) = (0.0, 0);
        for (ids, start) in answers.sequences.iter().zip(&answers.starts) {
            let batch = TokenBatch::new(&[ids], PaddingSide::Right).unwrap();
            let hidden = view.hidden_states(&batch, None, &mut NoObserver).unwrap();
            let targets: Vec<Target> = (*start..ids.len())
                .map(|place| Target {
                    row: 0,
                    position: place - 1,
                    token: ids[place],
                })
                .collect();
            let found = view.log_likelihoods(hidden, &targets).unwrap();
            let found = block_on(found.into_data_async()).unwrap();
            sum -= found.iter::<f32>().map(f64::from).sum::<f64>();
            tokens += targets.len();
        }
        assert_eq!(tokens, answers.tokens());
        sum / tokens as f64
    };
    request.score.answers = Some(answers.clone());
    request.plans.methods = vec!["loss_change".parse().unwrap()];
    let report = judged(&model, &request);
    let mut methods = scoring(&report).scores.methods.iter();
    let found = methods.find(|method| method.id.to_string() == "loss_change");
    let whole = loss(&BTreeSet::new());
    for layer in &found.unwrap().layers {
        let expected = loss(&BTreeSet::from([layer.layer])) - whole;
        let value = layer.value.unwrap();
        assert!((value - expected).abs() < 1e-5, "{value} for {expected}");
    }
    // Greedy removal goes by them too.
    let greedy = &plan(&report, "loss_change", Schedule::Iterative).removed;
    for other in (0..6).filter(|other| *other != greedy[0] && *other != greedy[1]) {
        let with = |layer| loss(&BTreeSet::from([greedy[0], layer]));
        assert!(with(greedy[1]) <= with(other) + 1e-5, "{other}");
    }
    let said = report
        .warnings
        .iter()
        .any(|warning| warning.contains("right answers that models are judged by"));
    assert!(said, "{:?}", report.warnings);
    assert!(report.to_markdown().contains("right answers ("));
    let scored = score(&model, &text, &request.score).unwrap();
    let mut concluded = scored.conclusions.iter();
    assert!(
        concluded.any(|said| said.contains(", of right answers.")),
        "{:?}",
        scored.conclusions
    );
    let of_text = scoring(&report).data.tokens;
    assert_eq!(of_text, text.tokens());
    let no_questions = TaskAnswers::of(&datasets()[..1], &model.tokenizer, context, &request.eval);
    assert!(matches!(no_questions, Err(LabError::NoQuestions)));
}

#[test]
fn one_shot_takes_the_lowest_and_iterative_measures_again() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let report = judged(&model, &request(Budget::Count(2)));
    for method in &scoring(&report).scores.methods {
        let order = method.order();
        let plans = pruning(&report).plans.iter();
        let plans: Vec<&Plan> = plans.filter(|plan| plan.method == method.id).collect();
        if let Some(one_shot) = plans.iter().find(|plan| plan.schedule == Schedule::OneShot) {
            assert_eq!(one_shot.removed, order[..2], "{}", method.id);
        }
    }
    // What iterative removes second is the lowest of the model without the first, numbered as before.
    let iterative = plan(&report, "block_influence", Schedule::Iterative);
    let first = iterative.removed[0];
    let mut pruned = open(DeviceChoice::Cpu);
    pruned.decoder = model.decoder.without(&BTreeSet::from([first])).unwrap();
    let again = support::score(&pruned, &text, &ScoreRequest::default()).unwrap();
    let methods = &scoring(&again).scores.methods;
    let method = methods
        .iter()
        .find(|method| method.id.to_string() == "block_influence")
        .unwrap();
    let second = method.lowest_layer().unwrap();
    let second = if second >= first { second + 1 } else { second };
    assert_eq!(iterative.removed, [first, second]);
}

#[test]
fn a_tolerance_removes_what_it_allows_and_no_more() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let whole = loss(&model, &text, &BTreeSet::new());
    for share in [0.05, 0.6, 3.0] {
        let report = judged(&model, &request(Budget::Tolerance(share)));
        let limit = whole + share.ln_1p();
        for plan in &pruning(&report).plans {
            let set: BTreeSet<usize> = plan.removed.iter().copied().collect();
            assert!(loss(&model, &text, &set) <= limit + 1e-5, "{plan:?}");
            assert!(plan.removed.len() < 6);
        }
        // One more by the same order would be too much.
        let methods = &scoring(&report).scores.methods;
        let method = methods
            .iter()
            .find(|method| method.id.to_string() == "relative_avss")
            .unwrap();
        let removed = &plan(&report, "relative_avss", Schedule::OneShot).removed;
        if removed.len() < 5 {
            let more = method.order().into_iter().take(removed.len() + 1).collect();
            assert!(loss(&model, &text, &more) > limit - 1e-5);
        }
    }
}

#[test]
fn a_person_decides_first() {
    let model = open(DeviceChoice::Cpu);
    let mut request = request(Budget::Count(2));
    request.plans.constraints = Constraints {
        protected: BTreeSet::from([3, 5]),
        forced: BTreeSet::from([1]),
    };
    let report = judged(&model, &request);
    for plan in &pruning(&report).plans {
        assert_eq!(plan.removed[0], 1, "{plan:?}");
        assert!(
            !plan.removed.contains(&3) && !plan.removed.contains(&5),
            "{plan:?}"
        );
        assert_eq!(plan.removed.len(), 2);
    }
}

#[test]
fn a_plan_alone_is_the_plan_of_the_run() {
    let model = open(DeviceChoice::Cpu);
    let text = text(&model, short());
    let mut request = request(Budget::Count(2));
    let expected = judged(&model, &request);
    request.plans.methods = vec!["relative_magnitude".parse().unwrap()];
    request.plans.schedules = BTreeSet::from([Schedule::Iterative]);
    let cancel = Cancel::default();
    let mut show = |_| ();
    let mut run = Run::new(&mut show, &cancel);
    let plans = plan_removals(&model, &text, &request.score, &request.plans, &mut run);
    let plans = block_on(plans).unwrap();
    let expected = plan(&expected, "relative_magnitude", Schedule::Iterative);
    assert_eq!(plans.len(), 1);
    assert_eq!(&plans[0], expected);
}
