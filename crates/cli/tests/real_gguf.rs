//! Three GGUF files that somebody else made, against what `transformers` computes with the weights that its own reader finds in
//! them (tests/real/truths.py).
//!
//! `LAYERLAB_REAL_GGUF` names the folder that `tests/real/gguf_files.py` makes; texts lie beside the checkout, in
//! `../shared/data`. `cargo xtask test --all` sees to both.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{env, fs, path, path::Path};

use serde_json::Value;
use support::{assert_fails, run, stdout};

/// Largest relative difference of perplexities: both sides compute in float32 and add in another order.
const TOLERANCE: f64 = 1e-4;
/// Largest difference of losses, in nats a token; they are up to 20.
const OF_LOSSES: f64 = 1e-4;

fn text(name: &str) -> String {
    // Cargo runs tests in the package's folder.
    let path = path::absolute("../../../shared/data").unwrap().join(name);
    path.display().to_string()
}

fn each(check: impl Fn(&str, &str, &Value)) {
    let folder = env::var("LAYERLAB_REAL_GGUF");
    let folder = folder.expect("LAYERLAB_REAL_GGUF names the folder of tests/real/gguf_files.py");
    let truths = fs::read_to_string("../../tests/real/truths.json").unwrap();
    let truths: Value = serde_json::from_str(&truths).unwrap();
    let files = truths["files"].as_object().unwrap();
    assert_eq!(files.len(), 3);
    for (name, truth) in files {
        let file = Path::new(&folder).join(name).display().to_string();
        check(name, &file, truth);
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

#[test]
#[ignore = "needs LAYERLAB_REAL_GGUF (tests/real/gguf_files.py) and ../shared; cargo xtask test --all"]
fn perplexities_of_real_files_are_those_of_transformers() {
    each(|name, file, truth| {
        let wiki = text("wiki_eval.txt");
        let asked = ["--text", &wiki, "--window", "256", "--device", "cpu"];
        let found = run(&[&["eval", "--json", "--model", file], &asked[..]].concat());
        let report: Value = serde_json::from_str(&stdout(&found)).unwrap();
        assert_eq!(report["model"]["sha256"], truth["sha256"], "{name}");
        let task = &report["evaluation"][0];
        assert_eq!(task["task"]["tokens"], truth["tokens"], "{name}");
        let (found, right) = (
            number(&task["metrics"][0]["value"]),
            number(&truth["perplexity"]),
        );
        println!("{name}: perplexity {found}, transformers {right}");
        assert!(
            (found / right - 1.0).abs() <= TOLERANCE,
            "{name}: {found} against {right}"
        );
    });
}

#[test]
#[ignore = "needs LAYERLAB_REAL_GGUF (tests/real/gguf_files.py) and ../shared; cargo xtask test --all"]
fn losses_without_each_layer_of_real_files_are_those_of_transformers() {
    each(|name, file, truth| {
        let wiki = text("wiki.txt");
        // What is left of the text after the full sequences may be one more.
        let sequences = truth["sequences"].to_string();
        let asked = ["--text", &wiki, "--sequence-length", "256"];
        let most = ["--max-sequences", &sequences];
        let more = ["--loss-change", "always", "--resamples", "0"];
        let model = ["score", "--json", "--device", "cpu", "--model", file];
        let found = run(&[&model, &asked[..], &most, &more].concat());
        let report: Value = serde_json::from_str(&stdout(&found)).unwrap();
        let scoring = &report["scoring"];
        assert_eq!(scoring["data"]["sequences"], truth["sequences"], "{name}");
        let methods = scoring["scores"]["methods"].as_array().unwrap();
        let method = methods.iter().find(|method| method["id"] == "loss_change");
        let layers = method.unwrap()["layers"].as_array().unwrap();
        let without = truth["losses_without"].as_array().unwrap();
        assert_eq!(layers.len(), without.len());
        let differences = layers.iter().zip(without).map(|(found, right)| {
            let right = number(right) - number(&truth["loss"]);
            (number(&found["value"]) - right).abs()
        });
        let largest = differences.fold(0.0, f64::max);
        println!(
            "{name}: {} layers, largest difference {largest:e}",
            layers.len()
        );
        assert!(largest <= OF_LOSSES, "{name}: {largest:e}");
    });
}

#[test]
#[ignore = "needs LAYERLAB_REAL_GGUF (tests/real/gguf_files.py) and ../shared; cargo xtask test --all"]
fn real_files_continue_a_prompt_as_transformers_does() {
    each(|name, file, truth| {
        let prompt = truth["prompt"].as_str().unwrap();
        let asked = ["--prompt", prompt, "--max-new-tokens", "24"];
        let model = ["generate", "--json", "--device", "cpu", "--model", file];
        let found = run(&[&model, &asked[..]].concat());
        let found: Value = serde_json::from_str(&stdout(&found)).unwrap();
        println!("{name}: {}", found["text"]);
        assert_eq!(found["text"], truth["greedy"], "{name}");
    });
}

#[test]
#[ignore = "needs LAYERLAB_REAL_GGUF (tests/real/gguf_files.py) and ../shared; cargo xtask test --all"]
fn real_chat_models_answer_as_in_transformers() {
    each(|name, file, truth| {
        let chat = &truth["chat"];
        let asked = |arguments: &[&str]| {
            let model = ["generate", "--chat", "--device", "cpu", "--model", file];
            run(&[&model[..], &["--max-new-tokens", "24"], arguments].concat())
        };
        let Some(question) = chat["question"].as_str() else {
            return assert_fails(&asked(&["--prompt", "Who?"]), 3, &["no chat template"]);
        };
        let system = chat["system"].as_str().unwrap();
        let found = asked(&["--json", "--prompt", question, "--system", system]);
        let found: Value = serde_json::from_str(&stdout(&found)).unwrap();
        println!("{name}: {}", found["text"]);
        assert_eq!(found["conversation"]["read_as"], chat["read_as"], "{name}");
        assert_eq!(found["text"], chat["greedy"], "{name}");
    });
}
