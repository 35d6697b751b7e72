//! `layerlab locate` and `layerlab repair` as a user runs them.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{fs, path::Path};

use serde_json::Value;
use support::{assert_fails, demo, layerlab, names, run, stdout};
use tempfile::TempDir;

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

fn short_repair(work: &str, more: &[&str]) -> Vec<String> {
    let short = [
        "repair",
        "--device",
        "cpu",
        "--items",
        "24",
        "--resamples",
        "20",
        "--steps",
        "4",
        "--pairs",
        "2",
        "--layers",
        "9+10",
        "--work",
        work,
        "--json",
    ];
    short.iter().chain(more).map(ToString::to_string).collect()
}

fn strs(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[test]
fn atlas_is_located_by_class() {
    let report = run(&[
        "locate",
        "--device",
        "cpu",
        "--items",
        "30",
        "--resamples",
        "50",
        "--tap",
        "output",
        "--json",
    ]);
    let report: Value = serde_json::from_str(&stdout(&report)).unwrap();
    let found = &report["hallucination"];
    assert!(found["definitions"].as_str().unwrap().contains("ours"));
    let datasets = found["datasets"].as_array().unwrap();
    let classes = ["well_known", "rare", "never_told"];
    assert_eq!(datasets.len(), classes.len());
    for (dataset, class) in datasets.iter().zip(classes) {
        assert_eq!(
            dataset["dataset"],
            format!("atlas/pairs_{class}_test.jsonl")
        );
        assert_eq!(dataset["taps"][0]["layers"].as_array().unwrap().len(), 12);
        let shuffled = dataset["taps"][0]["shuffled"]["auroc"].as_f64().unwrap();
        assert!((shuffled - 0.5).abs() < 0.1, "{shuffled}");
    }
}

#[test]
fn a_repair_leaves_an_adapter_and_a_model() {
    let folder = TempDir::new().unwrap();
    let [work, adapter, merged] =
        ["work", "adapter", "merged"].map(|name| path(folder.path(), name));
    let arguments = short_repair(&work, &["--adapter", &adapter, "--export", &merged]);
    let report: Value = serde_json::from_str(&stdout(&run(&strs(&arguments)))).unwrap();
    let repaired = &report["repair"]["runs"][0];
    assert_eq!(repaired["layers"], serde_json::json!([9, 10]));
    assert_eq!(repaired["training"]["steps"].as_array().unwrap().len(), 4);
    let mut written = names(Path::new(&adapter));
    written.sort_unstable();
    assert_eq!(
        written,
        ["adapter_config.json", "adapter_model.safetensors"]
    );
    let config: Value =
        serde_json::from_slice(&fs::read(Path::new(&adapter).join("adapter_config.json")).unwrap())
            .unwrap();
    assert_eq!(config["peft_type"], "LORA");
    assert_eq!(config["target_modules"].as_array().unwrap().len(), 2 * 7);
    // The merged model is one like any other.
    stdout(&run(&["info", "--model", &merged]));
    // Nothing is replaced unasked.
    assert_fails(&run(&strs(&arguments)), 2, &["exists already"]);
    // What is asked for replaces the whole folder, an adapter's as a model's.
    for replaced in [&adapter, &merged] {
        fs::write(Path::new(replaced).join("of_before"), "").unwrap();
    }
    stdout(&run(&[&strs(&arguments)[..], &["--force"]].concat()));
    assert_eq!(names(Path::new(&adapter)).len(), 2);
    assert!(!Path::new(&merged).join("of_before").exists());
    stdout(&run(&["info", "--model", &merged]));
}

#[test]
fn a_full_disk_at_a_checkpoint_is_said() {
    // A file where the folder of checkpoints should be refuses everything, as a full disk does.
    let folder = TempDir::new().unwrap();
    let work = path(folder.path(), "work");
    fs::write(&work, "").unwrap();
    assert_fails(
        &run(&strs(&short_repair(&work, &[]))),
        1,
        &["cannot keep what the stage"],
    );
}

#[test]
fn a_learning_rate_that_diverges_is_rolled_back_and_said() {
    let folder = TempDir::new().unwrap();
    let work = path(folder.path(), "work");
    let arguments = short_repair(&work, &["--learning-rate", "1e30"]);
    let arguments: Vec<String> = arguments
        .into_iter()
        .filter(|argument| argument != "--json")
        .collect();
    let said = stdout(&run(&strs(&arguments)));
    assert!(
        said.contains("step 0 of")
            && (said.contains("diverged") || said.contains("perplexity guard")),
        "{said}"
    );
}

#[test]
fn what_cannot_be_repaired_is_refused() {
    let folder = TempDir::new().unwrap();
    let work = path(folder.path(), "work");
    let refused = |more: &[&str], code, parts: &[&str]| {
        assert_fails(&run(&strs(&short_repair(&work, more))), code, parts);
    };
    refused(&["--pairs", "0"], 2, &["cannot be used multiple times"]);
    refused(
        &["--rank", "2", "--tolerance", "-1"],
        2,
        &["unexpected argument"],
    );
    let text = demo("text.txt");
    assert_fails(
        &layerlab(&["repair", "--model", &demo(""), "--task", &text])
            .output()
            .unwrap(),
        2,
        &["--neutral"],
    );
    let pairs = path(folder.path(), "pairs.jsonl");
    let write = |lines: &str| fs::write(&pairs, lines).unwrap();
    let locate = |code, parts: &[&str]| {
        assert_fails(
            &run(&["locate", "--device", "cpu", "--task", &pairs]),
            code,
            parts,
        );
    };
    write("{\"question\": \"a\", \"right_answer\": \"b\"}\n");
    locate(3, &["line 1", "hallucinated_answer"]);
    write("{\"question\": \"a\", \"right_answer\": \"b\", \"hallucinated_answer\": \" \"}\n");
    locate(3, &["line 1", "is empty"]);
    write("{\"question\": \"a\", \"right_answer\": \"b\", \"hallucinated_answer\": \"B.\"}\n");
    locate(3, &["line 1", "the same"]);
    write("{\"question\": \"a\", \"choices\": [\"x\"], \"label\": 0}\n");
    locate(3, &["no wrong answer"]);
}
