//! Runs of lm-evaluation-harness, compared, and our results in its layout. The runs of `tests/harness` were made by the harness itself.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;
use support::{assert_fails, demo, run, stdout};
use tempfile::TempDir;

const RUNS: &str = "../../tests/harness";

fn harness(name: &str) -> String {
    format!("{RUNS}/{name}")
}

fn json(arguments: &[&str]) -> Value {
    let said = stdout(&run(&[arguments, &["--json"]].concat()));
    serde_json::from_str(&said).unwrap()
}

/// The file of a folder whose name begins so.
fn file(folder: &Path, start: &str) -> String {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files = entries.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with(start)
    });
    fs::read_to_string(files.next().unwrap()).unwrap()
}

fn accuracies(samples: &str, metric: &str) -> BTreeMap<u64, f64> {
    let lines = samples
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let pairs = lines.map(|line| {
        (
            line["doc_id"].as_u64().unwrap(),
            line[metric].as_f64().unwrap(),
        )
    });
    pairs.collect()
}

/// The two-sided p of McNemar's exact test by its definition.
fn mcnemar(only_first: u32, only_second: u32) -> f64 {
    let n = only_first + only_second;
    let choose = |k: u32| (0..k).fold(1.0, |all, i| all * f64::from(n - i) / f64::from(i + 1));
    let tail: f64 = (0..=only_first.min(only_second)).map(choose).sum();
    (2.0 * tail / 2f64.powi(n as i32)).min(1.0)
}

#[test]
fn two_runs_are_compared_document_by_document() {
    let compared = json(&["compare", &harness("whole"), &harness("cut")]);
    assert_eq!(compared["schema"], "layerlab-harness/1");
    let pairs = compared["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 2);
    for pair in pairs {
        let metric = pair["metric"].as_str().unwrap();
        let mut means = Vec::new();
        let mut of_run = Vec::new();
        for (run, model) in [("whole", "demo"), ("cut", "cut")] {
            let folder = Path::new(RUNS).join(run).join(model);
            let results: Value = serde_json::from_str(&file(&folder, "results_")).unwrap();
            means.push(
                results["results"]["questions"][format!("{metric},none")]
                    .as_f64()
                    .unwrap(),
            );
            of_run.push(accuracies(&file(&folder, "samples_questions_"), metric));
        }
        // What the harness itself says of each.
        for (found, expected) in pair["means"].as_array().unwrap().iter().zip(&means) {
            assert!((found.as_f64().unwrap() - expected).abs() < 1e-12);
        }
        let difference = pair["difference"].as_f64().unwrap();
        assert!((difference - (means[1] - means[0])).abs() < 1e-12);
        let only = |a: usize, b: usize| {
            let right = of_run[a]
                .iter()
                .filter(|(id, right)| **right > of_run[b][*id]);
            right.count() as u32
        };
        let (first, second) = (only(0, 1), only(1, 0));
        assert_eq!(pair["better"], serde_json::json!([first, second]));
        let p = pair["significance"]["p"].as_f64().unwrap();
        assert_eq!(pair["significance"]["test"], "mcnemar");
        assert!((p - mcnemar(first, second)).abs() < 1e-12, "{p}");
    }
    let shown = stdout(&run(&["compare", &harness("whole"), &harness("cut")]));
    assert!(
        shown.contains("questions") && shown.contains("acc_norm"),
        "{shown}"
    );
    let csv = stdout(&run(&[
        "compare",
        &harness("whole"),
        &harness("cut"),
        "--csv",
    ]));
    assert_eq!(
        csv.lines().filter(|line| line.contains("mcnemar")).count(),
        2
    );
    let folder = TempDir::new().unwrap();
    let page = folder.path().join("page.html");
    let html = page.display().to_string();
    let (whole, cut) = (harness("whole"), harness("cut"));
    stdout(&run(&["compare", &whole, &cut, "--html", &html]));
    let page = fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("acc_norm"));
}

/// What the lab finds itself, question by question, is what the harness found; and its own files are read as the harness's are.
#[test]
fn our_results_are_those_of_the_harness_and_are_read_as_such() {
    let folder = TempDir::new().unwrap();
    let ours = folder.path().display().to_string();
    let questions = harness("questions.jsonl");
    // No tabs within the folder's name: the model's is that of the path that is given.
    let asked = [
        "eval",
        "--model",
        &demo(""),
        "--device",
        "cpu",
        "--task",
        &questions,
    ];
    stdout(&run(
        &[&asked[..], &["--items", "all", "--lm-eval", &ours]].concat()
    ));
    let compared = json(&["compare", &harness("whole"), &ours]);
    for pair in compared["pairs"].as_array().unwrap() {
        assert_eq!(pair["documents"], 12);
        assert_eq!(pair["better"], serde_json::json!([0, 0]), "{pair}");
    }
    let model = fs::read_dir(folder.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let results: Value = serde_json::from_str(&file(&model, "results_")).unwrap();
    let theirs = Path::new(RUNS).join("whole/demo");
    let theirs: Value = serde_json::from_str(&file(&theirs, "results_")).unwrap();
    for metric in ["acc,none", "acc_norm,none", "acc_stderr,none"] {
        let [a, b] = [&results, &theirs].map(|all| all["results"]["questions"][metric].clone());
        // They round nothing; without a bootstrap they give the standard error of a mean, as we do.
        let close = a
            .as_f64()
            .zip(b.as_f64())
            .is_some_and(|(a, b)| (a - b).abs() < 1e-9);
        assert!(close || b == "N/A", "{metric}: {a} and {b}");
    }
}

#[test]
fn runs_that_do_not_fit_together_are_refused() {
    let folder = TempDir::new().unwrap();
    let whole = harness("whole");
    let copy = |name: &str, change: &dyn Fn(String) -> String| {
        let to = folder.path().join(name);
        fs::create_dir(&to).unwrap();
        let samples = file(&Path::new(RUNS).join("cut/cut"), "samples_");
        fs::write(
            to.join("samples_questions_2026-01-01T00-00-00.jsonl"),
            change(samples),
        )
        .unwrap();
        to.display().to_string()
    };
    let other = copy("other", &|text| {
        text.replace("\"doc_hash\": \"0", "\"doc_hash\": \"f")
    });
    assert_fails(
        &run(&["compare", &whole, &other]),
        3,
        &["document 0 is not the same"],
    );
    let broken = copy("broken", &|text| {
        text.replacen("\"doc_id\": 3", "\"doc_id\": \"three\"", 1)
    });
    assert_fails(&run(&["compare", &whole, &broken]), 3, &["line 4"]);
    let twice = copy("twice", &|text| {
        text.replacen("\"doc_id\": 3", "\"doc_id\": 2", 1)
    });
    assert_fails(
        &run(&["compare", &whole, &twice]),
        3,
        &["document 2 is there twice"],
    );
    let half = copy("half", &|text| {
        text.lines()
            .take(6)
            .map(|line| format!("{line}\n"))
            .collect()
    });
    let compared = json(&["compare", &whole, &half]);
    assert!(
        compared["warnings"][0]
            .as_str()
            .unwrap()
            .contains("6 of 12 documents")
    );
    let prompts = copy("prompts", &|text| {
        text.replace("\"prompt_hash\": \"", "\"prompt_hash\": \"0")
    });
    let compared = json(&["compare", &whole, &prompts]);
    assert!(
        compared["warnings"][0]
            .as_str()
            .unwrap()
            .contains("other prompts")
    );
    let renamed = folder.path().join("renamed");
    fs::create_dir(&renamed).unwrap();
    let samples = file(&Path::new(RUNS).join("cut/cut"), "samples_");
    fs::write(
        renamed.join("samples_arc_2026-01-01T00-00-00.jsonl"),
        samples,
    )
    .unwrap();
    let renamed = renamed.display().to_string();
    assert_fails(
        &run(&["compare", &whole, &renamed]),
        3,
        &["no task in common", "arc"],
    );
    assert_fails(
        &run(&["compare", &whole, &demo("")]),
        2,
        &["the other is not"],
    );
    let with_text = ["compare", &whole, &half, "--text", &demo("text.txt")];
    assert_fails(&run(&with_text), 2, &["compared as they are"]);
    // Of several runs, the newest.
    let several = folder.path().display().to_string();
    assert_fails(&run(&["compare", &whole, &several]), 2, &["several models"]);
}
