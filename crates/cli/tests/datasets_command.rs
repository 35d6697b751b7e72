//! Datasets as a user names them: files of any kind, and those of the Hub.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code, reason = "other suites ask more of the server")]
#[path = "../../checkpoint/tests/support/hub.rs"]
mod hub;
mod support;

use std::{fs, path, process::Output};

use hub::Hub;
use layerlab_lab::{Dataset, dataset::ReadOptions};
use serde_json::Value;
use support::{assert_fails, demo, layerlab, run, stdout};
use tempfile::TempDir;

fn sample(file: &str) -> String {
    let folder = path::absolute("../data/tests/data").unwrap();
    folder.join(file).display().to_string()
}

fn eval<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [
        &["eval", "--device", "cpu", "--resamples", "0", "--json"],
        more,
    ]
    .concat()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The figures of the one dataset.
fn metrics(output: &Output) -> Value {
    let report: Value = serde_json::from_str(&stdout(output)).unwrap();
    let metrics = &report["evaluation"][0]["metrics"];
    assert!(metrics.is_array(), "{report}");
    metrics.clone()
}

#[test]
fn fields_are_told_before_the_run_and_can_be_named() {
    let model = demo("");
    let (parquet, lines) = (sample("sciq.parquet"), sample("sciq.jsonl"));
    let ask = |more: &[&str]| run(&eval(&[&["--model", &model], more].concat()));
    let (one, other) = (ask(&["--task", &parquet]), ask(&["--task", &lines]));
    let told = "SciQ: question <- question, answer <- correct_answer, \
                wrong <- distractor1 + distractor2 + distractor3 (3 questions)";
    assert_eq!(said(&one), format!("{parquet}: {told}\n"));
    assert_eq!(said(&other), format!("{lines}: {told}\n"));
    assert_eq!(metrics(&one), metrics(&other));
    let fields = ask(&[
        "--task",
        &parquet,
        "--fields",
        "question=question,answer=correct_answer",
    ]);
    assert!(
        said(&fields).contains("fields as given: question <- question"),
        "{}",
        said(&fields)
    );
    assert_ne!(metrics(&fields), metrics(&one));
    assert_fails(
        &ask(&["--task", &lines, "--fields", "answer"]),
        2,
        &["ROLE=FIELD"],
    );
    assert_fails(
        &ask(&["--task", &lines, "--fields", "answer=gold"]),
        3,
        &["`gold`", "correct_answer"],
    );
    let folder = TempDir::new().unwrap();
    let broken = folder.path().join("broken.parquet").display().to_string();
    let whole = fs::read(&parquet).unwrap();
    fs::write(&broken, &whole[..whole.len() - 9]).unwrap();
    assert_fails(
        &ask(&["--task", &broken]),
        3,
        &["broken.parquet is not a whole Parquet file"],
    );
    // The reader panics at some of what a broken file says of itself.
    let says_corrupt = |at: &usize| {
        let mut bytes = whole.clone();
        bytes[*at] ^= 0xff;
        fs::write(&broken, &bytes).unwrap();
        let read = Dataset::read_parquet("", &[broken.clone().into()], &ReadOptions::default());
        read.is_err_and(|error| error.to_string().contains("it is corrupt"))
    };
    assert!((4..whole.len()).rev().find(says_corrupt).is_some());
    assert_fails(
        &ask(&["--task", &broken]),
        3,
        &[
            "broken.parquet is not a whole Parquet file: ",
            "it is corrupt",
        ],
    );
    assert_fails(
        &ask(&["--task", "gone.parquet"]),
        3,
        &["cannot read the dataset gone.parquet"],
    );
}

#[test]
fn a_dataset_of_the_hub_is_named_by_its_id() {
    let (model, cache) = (demo(""), TempDir::new().unwrap());
    let parquet = fs::read(sample("sciq.parquet")).unwrap();
    let files = [
        "a/test/0000.parquet",
        "a/validation/0000.parquet",
        "b/train/0000.parquet",
    ];
    let hub = Hub::serve_dataset(files.map(|file| (file.to_owned(), parquet.clone())).into());
    let ask = |task: &str| {
        layerlab(&eval(&["--model", &model, "--task", task]))
            .env("HF_ENDPOINT", &hub.address)
            .env("HF_HOME", cache.path())
            .output()
            .unwrap()
    };
    let found = ask("owner/set:a");
    assert!(
        said(&found).starts_with("owner/set:a@validation: SciQ"),
        "{}",
        said(&found)
    );
    assert_eq!(
        metrics(&found),
        metrics(&run(&eval(&[
            "--model",
            &model,
            "--task",
            &sample("sciq.jsonl")
        ])))
    );
    assert!(said(&ask("owner/set:a@test")).starts_with("owner/set:a@test: SciQ"));
    assert_fails(&ask("owner/set"), 2, &["owner/set:a, owner/set:b"]);
    assert_fails(&ask("owner/other"), 3, &["there is no file owner/other"]);
}
