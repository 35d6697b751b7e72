//! With no model named, the bundled one is scored, pruned and judged on its own texts and tasks.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::path::Path;

use serde_json::Value;
use support::{run, stdout};
use tempfile::TempDir;

/// `layerlab run` on a small part of the bundled tasks, as JSON.
fn short_run(work: &Path, more: &[&str]) -> Value {
    let work = work.display().to_string();
    let mut arguments = vec![
        "run",
        "--work",
        &work,
        "--device",
        "cpu",
        "--items",
        "8",
        "--resamples",
        "20",
        "--max-sequences",
        "2",
        "--method",
        "avss,block_influence",
        "--json",
    ];
    arguments.extend(more);
    serde_json::from_str(&stdout(&run(&arguments))).unwrap()
}

#[test]
fn a_run_without_arguments_is_a_run_of_atlas() {
    let work = TempDir::new().unwrap();
    let [mut bare, mut named] =
        [&[][..], &["--model", "atlas"]].map(|more| short_run(work.path(), more));
    assert_eq!(bare["model"]["name"], "atlas");
    assert_eq!(bare["scoring"]["data"]["name"], "atlas/calibration.txt");
    let asked = bare["evaluation"].as_array().unwrap();
    let asked: Vec<&str> = asked
        .iter()
        .map(|task| task["dataset"].as_str().unwrap())
        .collect();
    let expected = [
        "atlas/neutral_test.txt",
        "atlas/choices_well_known_test.jsonl",
        "atlas/sentiment_test.jsonl",
    ];
    assert_eq!(asked, expected);
    let removed = bare["pruning"]["plans"][0]["removed"].as_array().unwrap();
    assert_eq!(removed.len(), 3, "a quarter of 12 layers");
    for report in [&mut bare, &mut named] {
        // When and how fast differ from run to run.
        for volatile in ["created", "timings"] {
            report.as_object_mut().unwrap().remove(volatile);
        }
        let healed = report["pruning"]["healing"]["outcomes"]
            .as_array_mut()
            .unwrap();
        assert!(!healed.is_empty(), "a run heals by default");
        for model in healed {
            model["record"]["seconds"] = 0.into();
        }
    }
    assert!(bare == named, "`--model atlas` is the default");
}

#[test]
fn a_text_of_the_users_is_asked_instead() {
    let folder = TempDir::new().unwrap();
    let text = folder.path().join("text.txt");
    std::fs::write(
        &text,
        "The wind was cold, and a boy began to sing. ".repeat(40),
    )
    .unwrap();
    let text = text.display().to_string();
    let report = short_run(folder.path(), &["--eval-text", &text]);
    let asked = report["evaluation"].as_array().unwrap();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0]["dataset"], text.as_str());
}

#[test]
fn every_exposure_class_is_asked_without_a_task() {
    let table = stdout(&run(&["eval", "--device", "cpu", "--items", "4"]));
    for class in ["well_known", "rare", "never_told"] {
        for kind in ["answers", "choices", "pairs"] {
            let name = format!("{kind}_{class}_test.jsonl");
            assert!(table.contains(&name), "`{name}` is not in\n{table}");
        }
    }
}

#[test]
fn the_bundled_model_is_pruned_to_a_folder_that_loads() {
    let folder = TempDir::new().unwrap();
    let pruned = folder.path().join("pruned").display().to_string();
    let said = stdout(&run(&["prune", "--layers", "7", "--output", &pruned]));
    assert!(said.contains("1 of 12 layers of atlas"), "{said}");
    let info = stdout(&run(&["info", "--model", &pruned]));
    assert!(info.contains("layers          11"), "{info}");
    let said = stdout(&run(&[
        "generate",
        "--model",
        &pruned,
        "--device",
        "cpu",
        "--prompt",
        "The wind",
        "--max-new-tokens",
        "5",
    ]));
    assert!(said.starts_with("The wind"), "{said}");
}
