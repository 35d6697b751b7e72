//! Bits by layer, by the command.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;

use serde_json::Value;
use support::{assert_fails, demo, run, stdout};
use tempfile::TempDir;

/// The file that is written holds the model that was judged.
#[test]
fn the_file_is_the_model_that_was_measured() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (types, gguf, html) = (path("types.txt"), path("model.gguf"), path("page.html"));
    let text = demo("text.txt");
    let (model, window) = (demo(""), ["--window", "48", "--device", "cpu"]);
    let texts = [
        "--text",
        &text,
        "--eval-text",
        &text,
        "--sequence-length",
        "48",
    ];
    let outputs = [
        "--tensor-types",
        &types,
        "--gguf",
        &gguf,
        "--html",
        &html,
        "--json",
    ];
    let quantize = [
        &["quantize", "--model", &model][..],
        &texts,
        &window,
        &outputs,
    ]
    .concat();
    let report: Value = serde_json::from_str(&stdout(&run(&quantize))).unwrap();
    assert_eq!(report["experiment"], "quantize");
    let found = &report["quantization"];
    let models = found["models"].as_array().unwrap();
    let measured = models
        .iter()
        .find(|model| model["allocation"] == "measured");
    // Where nothing is gained, every layer is in Q5_0.
    let chosen = measured.unwrap_or(&models[1]);
    let told = chosen["tasks"][0]["metrics"][0]["value"].as_f64().unwrap();
    let eval = [
        &["eval", "--model", &gguf, "--text", &text, "--json"][..],
        &window,
    ]
    .concat();
    let eval: Value = serde_json::from_str(&stdout(&run(&eval))).unwrap();
    let read = eval["evaluation"][0]["metrics"][0]["value"]
        .as_f64()
        .unwrap();
    assert!((read / told - 1.0).abs() < 1e-5, "{read} {told}");
    let types = fs::read_to_string(&types).unwrap();
    for (layer, stored) in chosen["types"].as_array().unwrap().iter().enumerate() {
        let line = format!(
            "^blk\\.{layer}\\.={}",
            stored.as_str().unwrap().to_lowercase()
        );
        assert!(types.lines().any(|found| found == line), "{line}: {types}");
    }
    assert!(
        fs::read_to_string(&html)
            .unwrap()
            .contains("Models in few bits")
    );
    // What is there stays, and is not worked for in vain.
    assert_fails(&run(&quantize), 2, &["--force replaces it"]);
}

/// What was lost before is not this command's to count, and that is said.
#[test]
fn a_file_in_blocks_is_told_to_be_one() {
    let file = demo("../gguf/demo.gguf");
    let text = demo("text.txt");
    let quantize = [
        "quantize",
        "--model",
        &file,
        "--text",
        &text,
        "--sequence-length",
        "48",
        "--max-sequences",
        "2",
        "--window",
        "48",
        "--max-windows",
        "2",
        "--device",
        "cpu",
        "--full",
    ];
    let said = stdout(&run(&quantize));
    assert!(
        said.contains("weights are in blocks (Q8_0) already"),
        "{said}"
    );
}

#[test]
fn uniform_types_are_written_by_export() {
    let folder = TempDir::new().unwrap();
    let size = |stored: &str| {
        let file = folder.path().join(format!("{stored}.gguf"));
        let path = file.display().to_string();
        stdout(&run(&[
            "export",
            &demo(""),
            "--gguf",
            &path,
            "--type",
            stored,
        ]));
        fs::metadata(file).unwrap().len()
    };
    let sizes = ["f16", "q8_0", "q5_0", "q4_0"].map(size);
    assert!(sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
}
