//! A model that somebody else made, SmolLM2-135M-Instruct, against what `transformers` finds on it.
//!
//! `LAYERLAB_REAL` names the folder that `tests/real/smollm2.py` makes; right values and texts lie beside the checkout, in
//! `../shared/models/real` and `../shared/data`. `cargo xtask test --all` sees to both.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{env, fs, path, process::Command};

use serde_json::Value;
use support::{run, stdout};
use tempfile::TempDir;

/// Largest relative difference of perplexities: both sides compute in float32 and add in another order.
const TOLERANCE: f64 = 1e-4;

fn model() -> String {
    env::var("LAYERLAB_REAL").expect("LAYERLAB_REAL names SmolLM2's folder")
}

fn shared(file: &str) -> String {
    // Cargo runs tests in the package's folder.
    let path = path::absolute("../../../shared").unwrap().join(file);
    path.display().to_string()
}

fn truth() -> Value {
    let text = fs::read_to_string(shared("models/real/smollm2_truth.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Perplexity of a text in windows of 256 tokens, the last one shorter, as the right values are taken.
fn perplexity(model: &str, text: &str) -> f64 {
    let text = shared(&format!("data/{text}.txt"));
    let found = run(&[
        "eval", "--model", model, "--text", &text, "--window", "256", "--device", "cpu", "--json",
    ]);
    let report: Value = serde_json::from_str(&stdout(&found)).unwrap();
    report["evaluation"][0]["metrics"][0]["value"]
        .as_f64()
        .unwrap()
}

fn assert_close(found: f64, right: f64, what: &str) {
    let off = (found / right - 1.0).abs();
    assert!(off <= TOLERANCE, "{what}: {found} against {right}");
}

#[test]
#[ignore = "needs LAYERLAB_REAL (tests/real/smollm2.py) and ../shared; cargo xtask test --all"]
fn perplexity_of_the_whole_model_is_that_of_transformers() {
    let truth = truth();
    for text in ["wiki", "wiki_eval"] {
        let right = truth["base"][text]["ppl"].as_f64().unwrap();
        assert_close(perplexity(&model(), text), right, text);
    }
}

#[test]
#[ignore = "needs LAYERLAB_REAL (tests/real/smollm2.py) and ../shared; cargo xtask test --all"]
fn folders_without_eight_layers_have_the_perplexity_that_transformers_finds() {
    let truth = truth();
    let plans = truth["pruned"].as_object().unwrap();
    assert!(plans.len() >= 5);
    let folder = TempDir::new().unwrap();
    for (method, plan) in plans {
        let removed = plan["removed"].as_array().unwrap();
        let removed: Vec<String> = removed.iter().map(Value::to_string).collect();
        let output = folder.path().join(method).display().to_string();
        let written = run(&[
            "prune",
            "--model",
            &model(),
            "--layers",
            &removed.join(","),
            "--output",
            &output,
        ]);
        stdout(&written);
        let right = plan["wiki_eval_ppl"].as_f64().unwrap();
        assert_close(perplexity(&output, "wiki_eval"), right, method);
    }
}

#[test]
#[ignore = "needs LAYERLAB_REAL (tests/real/smollm2.py), LAYERLAB_PYTHON with transformers, and ../shared; cargo xtask test --all"]
fn a_refit_makes_good_part_of_the_cut_and_transformers_finds_the_same() {
    let (work, text) = (TempDir::new().unwrap(), shared("data/wiki.txt"));
    let folder = |name: &str| work.path().join(name).display().to_string();
    let (cut, healed) = (folder("cut"), folder("healed"));
    let prune = |more: &[&str]| {
        let basic = ["prune", "--model", &model(), "--layers", "12-19"];
        stdout(&run(&[&basic[..], more].concat()))
    };
    prune(&["--output", &cut]);
    let learned = ["--heal", "refit", "--text", &text, "--device", "cpu"];
    let said = prune(&[&learned[..], &["--output", &healed]].concat());
    assert!(said.contains("layer 11: refitted with λ"), "{said}");
    let [cut, ours] = [cut, healed.clone()].map(|folder| perplexity(&folder, "wiki_eval"));
    // As measured in November 2026: 104.9 as cut, 73 healed from 3,600 tokens of other articles; the whole model has 36.9.
    assert!(ours < 0.8 * cut, "{ours} healed, {cut} as cut");
    let python =
        env::var("LAYERLAB_PYTHON").expect("LAYERLAB_PYTHON names a Python with transformers");
    let script = path::absolute("../../tests/real/perplexity.py").unwrap();
    let mut theirs = Command::new(python);
    theirs
        .arg(script)
        .arg(&healed)
        .arg(shared("data/wiki_eval.txt"));
    let theirs = theirs.output().unwrap();
    assert!(
        theirs.status.success(),
        "{}",
        String::from_utf8_lossy(&theirs.stderr)
    );
    let theirs: f64 = String::from_utf8(theirs.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert_close(ours, theirs, "the healed folder");
}
