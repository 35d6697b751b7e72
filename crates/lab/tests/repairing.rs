#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Repairs of the demo model: ended early, and what the model says before and after.

mod support;

use std::collections::BTreeSet;

use layerlab_eval::Dataset;
use layerlab_lab::{
    Cancel, DeviceChoice, Ending, LayerChoice, NoStages, OpenModel, Progress, Recipe,
    RepairMaterial, RepairRequest, Repaired, Run, answer_changes, files::Folder, repair_layers,
};
use pollster::block_on;
use support::{demo, open};

fn material() -> RepairMaterial {
    let lines = (0..40).map(|index| {
        format!(
            r#"{{"question": "Which number is {index}?", "right_answer": "it is {index}", "hallucinated_answer": "some river"}}"#
        )
    });
    let lines: Vec<String> = lines.collect();
    let pairs = Dataset::read("pairs.jsonl", &lines.join("\n"), false).unwrap();
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
    steps: usize,
    cancel: &Cancel,
    show: &mut dyn FnMut(Progress),
) -> Repaired {
    let created = "2026-01-01T00:00:00Z".into();
    let (material, request) = (material(), request(steps));
    let mut run = Run::new(show, cancel);
    block_on(repair_layers(
        model,
        &material,
        &request,
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
    let repaired = repair(&model, 40, &cancel, &mut |progress| {
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
    let repaired = repair(&model, 30, &cancel, &mut |_| ());
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
