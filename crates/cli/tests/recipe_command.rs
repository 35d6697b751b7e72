//! Recipes of mergekit as plans, by the command: ours, and those that mergekit itself wrote (`tests/mergekit`).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{fs, path::Path};

use support::{assert_fails, demo, file, run, stdout};
use tempfile::TempDir;

/// The recipe beside a pruned folder makes the same folder, and so does one that says the same otherwise.
#[test]
fn a_recipe_of_mergekit_is_a_plan() {
    let folder = TempDir::new().unwrap();
    let (pruned, other, model) = (file(&folder, "pruned"), file(&folder, "other"), demo(""));
    let into = |output: &str, more: &[&str]| {
        let basic = ["prune", "--model", &model, "--output", output, "--force"];
        run(&[&basic[..], more].concat())
    };
    stdout(&into(&pruned, &["--layers", "2,4"]));
    let recipe = format!("{pruned}/mergekit.yaml");
    stdout(&into(&other, &["--plan", &recipe]));
    let weights = |folder: &str| fs::read(Path::new(folder).join("model.safetensors")).unwrap();
    assert!(weights(&pruned) == weights(&other));
    let written = |text: &str| {
        let path = file(&folder, "recipe.yaml");
        fs::write(&path, text).unwrap();
        path
    };
    let slices = "slices:\n- sources: [{model: someone/else, layer_range: [0, 2]}]\n\
                  - sources: [{model: someone/else, layer_range: [5, 6]}]\n";
    let path = written(&format!(
        "{slices}merge_method: passthrough\ndtype: bfloat16\n"
    ));
    let output = into(&other, &["--plan", &path]);
    let said = stdout(&output);
    assert!(said.contains("2 3 4"), "{said}");
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        warned.contains("someone/else") && warned.contains("not used: dtype"),
        "{warned}"
    );
    for (recipe, cause) in [
        (slices.replace("[5, 6]", "[5, 9]"), "layer 8"),
        (slices.replace("[5, 6]", "[1, 6]"), "after layer 1"),
        (format!("{slices}merge_method: slerp\n"), "slerp"),
        ("slices: [".to_owned(), "not YAML"),
        (
            "slices: [{sources: [{model: a, layer_range: [0, 6]}]}]".to_owned(),
            "nothing to remove",
        ),
    ] {
        assert_fails(&into(&other, &["--plan", &written(&recipe)]), 3, &[cause]);
    }
    let both = into(&other, &["--plan", &recipe, "--layers", "1"]);
    assert_fails(&both, 2, &["--plan"]);
}

#[test]
fn recipes_that_mergekit_wrote_are_read() {
    let folder = TempDir::new().unwrap();
    let (output, model) = (file(&folder, "pruned"), demo(""));
    let prune = |name: &str| {
        let recipe = format!("../../tests/mergekit/{name}.yaml");
        run(&[
            "prune", "--model", &model, "--output", &output, "--force", "--plan", &recipe,
        ])
    };
    for (name, unused) in [
        ("removes_2_4", None),
        ("removes_2_4_and_more", Some("out_dtype")),
    ] {
        let pruned = prune(name);
        assert!(stdout(&pruned).contains("(by hand): 2 4"), "{name}");
        let warned = String::from_utf8_lossy(&pruned.stderr).into_owned();
        let told = unused.is_none_or(|unused| warned.contains(unused));
        assert!(told, "{name}: {warned}");
    }
    for (name, cause) in [("grows", "after layer 4"), ("scales", "`parameters`")] {
        assert_fails(&prune(name), 3, &[cause]);
    }
}
