//! A model as a GGUF file, by the command.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::Value;
use support::{assert_fails, demo, run, stdout};
use tempfile::TempDir;

fn perplexity(model: &str) -> f64 {
    let asked = [
        "eval",
        "--model",
        model,
        "--text",
        &demo("text.txt"),
        "--device",
        "cpu",
    ];
    let report: Value =
        serde_json::from_str(&stdout(&run(&[&asked[..], &["--json"]].concat()))).unwrap();
    report["evaluation"][0]["metrics"][0]["value"]
        .as_f64()
        .unwrap()
}

/// Pruned, healed and written: what the file computes is what the folder does, but for half precision and eight bits.
#[test]
fn a_healed_folder_is_the_same_model_as_its_file() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (healed, text) = (path("healed"), demo("text.txt"));
    let (whole, half, blocks) = (path("whole.gguf"), path("half.gguf"), path("blocks.gguf"));
    let prune = [
        "prune",
        "--model",
        &demo(""),
        "--layers",
        "2,3",
        "--heal",
        "refit",
    ];
    let more = ["--text", &text, "--device", "cpu", "--output", &healed];
    stdout(&run(&[&prune[..], &more].concat()));
    let said = stdout(&run(&["export", &demo(""), "--gguf", &whole]));
    assert!(
        said.starts_with("Wrote ") && said.contains("whole.gguf"),
        "{said}"
    );
    stdout(&run(&[
        "export", &healed, "--gguf", &half, "--like", &whole,
    ]));
    let q8 = [
        "export", "--model", &healed, "--gguf", &blocks, "--type", "q8_0",
    ];
    stdout(&run(&q8));
    let expected = perplexity(&healed);
    for (file, tolerance) in [(&half, 1e-3), (&blocks, 2e-2)] {
        let found = perplexity(file);
        assert!(
            (found / expected - 1.0).abs() < tolerance,
            "{found} and {expected}"
        );
    }
    // What is there stays.
    assert_fails(&run(&q8), 2, &["--force replaces it"]);
    let before = std::fs::read(&half).unwrap();
    stdout(&run(&["export", &healed, "--gguf", &half, "--force"]));
    assert!(std::fs::read(&half).unwrap().len().abs_diff(before.len()) < 1000);
}

#[test]
fn what_has_no_place_in_a_file_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("out.gguf").display().to_string();
    let golden = demo("../gpt2");
    assert_fails(
        &run(&["export", &golden, "--gguf", &file]),
        3,
        &["the family gpt2", "written are llama"],
    );
    // A tokenizer of pieces, in the place of the model's.
    let pieces = folder.path().join("pieces");
    std::fs::create_dir(&pieces).unwrap();
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(demo(name), pieces.join(name)).unwrap();
    }
    let tokenizer = demo("../tokenizer_metaspace/tokenizer.json");
    std::fs::copy(tokenizer, pieces.join("tokenizer.json")).unwrap();
    let refused = run(&["export", &pieces.display().to_string(), "--gguf", &file]);
    assert_fails(
        &refused,
        3,
        &["tokenizer cannot be written", "--like FILE.gguf"],
    );
    assert!(!folder.path().join("out.gguf").exists());
}
