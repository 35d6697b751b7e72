//! What a report of one screen says to type next.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{demo, run, stdout};

fn judged(method: &str, budget: &[&str]) -> String {
    let (model, text) = (demo(""), demo("text.txt"));
    let work = tempfile::TempDir::new().unwrap();
    let work = work.path().to_string_lossy().into_owned();
    let basic = [
        "run",
        "--model",
        &model,
        "--text",
        &text,
        "--device",
        "cpu",
        "--max-sequences",
        "2",
        "--method",
        method,
        "--resamples",
        "0",
        "--work",
        &work,
    ];
    stdout(&run(&[&basic[..], budget].concat()))
}

#[test]
fn the_layers_of_the_best_plan_can_be_removed_by_what_is_said() {
    let said = judged("last_k", &["--remove", "2"]);
    assert!(said.contains("--layers 4,5 --output pruned"), "{said}");
}

/// Under a tolerance that nothing keeps, no layers are proposed.
#[test]
fn where_no_plan_is_good_enough_none_is_proposed() {
    let said = judged("first_k", &["--tolerance", "0"]);
    assert!(!said.contains("Remove them"), "{said}");
    assert!(said.contains("Nothing was removed"), "{said}");
}
