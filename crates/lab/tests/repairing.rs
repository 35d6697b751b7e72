#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Repairs of the demo model: ended early, and what the model says before and after.

mod support;

use std::collections::BTreeSet;

use layerlab_eval::Dataset;
use layerlab_lab::{
    Cancel, DeviceChoice, Ending, LayerChoice, LocateRequest, MarginChange, NoStages, OpenModel,
    Progress, Recipe, RepairMaterial, RepairRequest, Repaired, Run, answer_changes, files::Folder,
    locate_layers, repair_layers,
};
use pollster::block_on;
use support::{demo, open};

/// Pairs of those of forty questions that are wanted.
fn pairs(is_wanted: impl Fn(&str) -> bool) -> Dataset {
    let lines = (0..40).filter_map(|index| {
        let question = format!("Which number is {index}?");
        is_wanted(&question).then(|| {
            format!(
                r#"{{"question": "{question}", "right_answer": "it is {index}", "hallucinated_answer": "some river"}}"#
            )
        })
    });
    let lines: Vec<String> = lines.collect();
    Dataset::read("pairs.jsonl", &lines.join("\n"), false).unwrap()
}

fn material() -> RepairMaterial {
    let pairs = pairs(|_| true);
    let text = std::fs::read_to_string(demo().join("text.txt")).unwrap();
    let text = text.chars().take(4000).collect();
    RepairMaterial::with_neutral(vec![pairs], "text.txt", text)
}

fn request(steps: usize) -> RepairRequest {
    let mut request = RepairRequest {
        choices: vec![
            LayerChoice::Last,
            LayerChoice::Given {
                layers: BTreeSet::from([0]),
            },
        ],
        count: Some(1),
        recipe: Recipe {
            steps,
            check_every: 2,
            patience: 100,
            tolerance: 10.0,
            pairs: 4,
            ..Recipe::default()
        },
        ..RepairRequest::default()
    };
    request.locate.contrast.resamples = 20;
    request.locate.contrast.shuffles = 1;
    request.locate.eval.confidence.resamples = 50;
    request
}

fn repair(
    model: &OpenModel<Folder>,
    request: &RepairRequest,
    cancel: &Cancel,
    show: &mut dyn FnMut(Progress),
) -> Repaired {
    let created = "2026-01-01T00:00:00Z".into();
    let mut run = Run::new(show, cancel);
    block_on(repair_layers(
        model,
        &material(),
        request,
        created,
        &mut NoStages,
        &mut run,
    ))
    .unwrap()
}

/// The training ends after the step at which it was asked to, what it has learnt is checked and judged, and no other
/// begins.
#[test]
fn a_training_ends_early_with_what_it_has() {
    let model = open(DeviceChoice::Cpu);
    let cancel = Cancel::default();
    let wish = cancel.clone();
    let repaired = repair(&model, &request(40), &cancel, &mut |progress| {
        if matches!(progress, Progress::Tuning { record, .. } if record.step == 4) {
            wish.end_training();
        }
    });
    let report = repaired.report.repair.as_ref().unwrap();
    assert_eq!(report.runs.len(), 1);
    let training = &report.runs[0].training;
    assert_eq!(training.ending, Some(Ending::Stopped));
    assert_eq!(training.steps.len(), 5);
    // Checks before any step, after 2 and 4, and one more at the end.
    let checked: Vec<usize> = training.checks.iter().map(|check| check.step).collect();
    assert_eq!(checked, [0, 2, 4, 5]);
    assert!(!report.runs[0].tasks.is_empty());
    assert_eq!(repaired.adapters.len(), 1);
    assert!(
        repaired
            .report
            .to_markdown()
            .contains("stopped by the user")
    );
}

#[test]
fn answers_before_and_after_are_those_of_held_out_questions() {
    let model = open(DeviceChoice::Cpu);
    let cancel = Cancel::default();
    let repaired = repair(&model, &request(30), &cancel, &mut |_| ());
    let (_, adapters) = repaired.best().unwrap();
    let held_out = repaired.report.repair.as_ref().unwrap().split.test;
    let mut show = |_| ();
    let changes = |count| {
        let mut run = Run::new(&mut show, &cancel);
        let (material, request) = (material(), request(30));
        let changes = answer_changes(&model, adapters, &material, &request, count, &mut run);
        block_on(changes).unwrap()
    };
    let mut changes = changes;
    let few = changes(2);
    assert_eq!(few.len(), 2);
    let all = changes(1000);
    assert_eq!(all.len(), held_out);
    for change in &all {
        let number = change.question.trim_start_matches("Which number is ");
        assert_eq!(
            change.right,
            [format!("it is {}", number.trim_end_matches('?'))]
        );
        assert_eq!(
            change.before.is_right,
            change.before.text == change.right[0]
        );
    }
    // Adapters that changed nothing would leave every answer as it was.
    assert!(
        all.iter()
            .any(|change| change.before.text != change.after.text)
    );
}

/// The margin per token of the pairs of some questions.
fn margin(model: &OpenModel<Folder>, questions: &BTreeSet<String>) -> f64 {
    let request = LocateRequest {
        margin_change: MarginChange::Always,
        ..request(1).locate
    };
    let datasets = [pairs(|question| questions.contains(question))];
    let (mut show, cancel) = (|_| (), Cancel::default());
    let mut run = Run::new(&mut show, &cancel);
    let found = locate_layers(model, &datasets, &request, String::new(), &mut run);
    let report = block_on(found).unwrap();
    let found = &report.hallucination.as_ref().unwrap().datasets[0];
    assert_eq!(found.pairs, questions.len());
    found.margins.as_ref().unwrap().per_token.value.unwrap()
}

#[test]
fn what_each_layer_alone_brings_is_measured_on_held_out_pairs() {
    let mut model = open(DeviceChoice::Cpu);
    let cancel = Cancel::default();
    let request = RepairRequest {
        choices: vec![LayerChoice::All, LayerChoice::Each],
        ..request(6)
    };
    let repaired = repair(&model, &request, &cancel, &mut |_| ());
    let report = repaired.report.repair.as_ref().unwrap();
    let layers: Vec<Vec<usize>> = report
        .runs
        .iter()
        .map(|run| run.layers.iter().copied().collect())
        .collect();
    let all: Vec<usize> = (0..6).collect();
    let mut wanted = vec![all.clone()];
    wanted.extend(all.iter().map(|layer| vec![*layer]));
    assert_eq!(layers, wanted);
    // What is said of layers, margin change among it, beside six trainings of one layer, and not that of all.
    let [alone] = &report.alone[..] else {
        panic!("one objective")
    };
    assert_eq!(alone.agreement.layers, 6);
    assert!(alone.agreement.eavss.value.is_some());
    assert!(alone.agreement.margin_change.unwrap().low.is_some());
    // The margin of the held-out pairs is that which locating finds of them, before and after.
    let questions = {
        let (mut show, material) = (|_| (), material());
        let adapters = &repaired.adapters[0];
        let mut run = Run::new(&mut show, &cancel);
        let changes = answer_changes(&model, adapters, &material, &request, usize::MAX, &mut run);
        let changes = block_on(changes).unwrap();
        changes.into_iter().map(|change| change.question).collect()
    };
    let before = margin(&model, &questions);
    let told = report.held_out_margin.as_ref().unwrap();
    assert_eq!(told.pairs, report.split.test);
    assert!((told.per_token.value.unwrap() - before).abs() < 1e-5);
    for place in [0, 3] {
        let original = model.decoder.clone();
        model.decoder = original.with_adapters(&repaired.adapters[place]).merged();
        let gain = margin(&model, &questions) - before;
        model.decoder = original;
        assert!(gain.abs() > 1e-4, "{place}: {gain}");
        let told = report.runs[place].margin_gain.unwrap().value.unwrap();
        assert!((told - gain).abs() < 1e-5, "{place}: {told} is not {gain}");
    }
    assert!(
        repaired
            .report
            .to_markdown()
            .contains("What training each layer alone brings, margin")
    );
}
