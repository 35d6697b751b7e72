//! A GGUF file as the model of the commands.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;

use serde_json::Value;
use support::{demo, run, stdout};
use tempfile::TempDir;

#[test]
fn layers_of_a_gguf_file_are_removed_and_what_was_rounded_is_told() {
    let work = TempDir::new().unwrap();
    let to = work.path().join("pruned");
    let (model, folder) = (demo("../gguf/demo.gguf"), to.to_str().unwrap());
    let prune = ["prune", "--model", &model, "--layers", "2,4"];
    let written = run(&[&prune[..], &["--output", folder]].concat());
    let said = stdout(&written);
    assert!(said.contains("Removed 2 of 6 layers"), "{said}");
    let rounding = "Weights stored in blocks (Q8_0) are written in half precision (F16)";
    assert!(said.contains(rounding), "{said}");
    let provenance = fs::read(to.join("layerlab.json")).unwrap();
    let provenance: Value = serde_json::from_slice(&provenance).unwrap();
    assert_eq!(provenance["rounded"], serde_json::json!(["Q8_0"]));

    let info = run(&["info", "--model", folder, "--json"]);
    let info: Value = serde_json::from_str(&stdout(&info)).unwrap();
    assert_eq!(info["model"]["layers"], 4);
    assert_eq!(info["model"]["dtypes"], serde_json::json!(["F16", "F32"]));
}
