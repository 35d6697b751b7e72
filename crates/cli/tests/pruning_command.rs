//! Pruning from the command line.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{fs, path::Path, process::Output, thread, time::Duration};

use serde_json::Value;
use support::{assert_fails, demo, file, json, layerlab, names, run, stdout};
use tempfile::TempDir;

/// `run` on the demo with few resamples and items.
fn judge(work: &Path, more: &[&str]) -> Output {
    let (model, text, work) = (demo(""), demo("text.txt"), work.display().to_string());
    let task = demo("../tasks/truthful.json");
    let basic = [
        "run", "--model", &model, "--text", &text, "--task", &task, "--work", &work,
    ];
    let short = [
        "--sequence-length",
        "48",
        "--max-sequences",
        "12",
        "--resamples",
        "50",
    ];
    let device: &[&str] = match more.contains(&"--device") {
        true => &[],
        false => &["--device", "cpu"],
    };
    run(&[&basic[..], &short, device, more].concat())
}

#[test]
fn a_run_tells_what_each_method_kept_and_what_to_conclude() {
    let work = TempDir::new().unwrap();
    // In whatever line it breaks.
    let table = stdout(&judge(work.path(), &["--full"]));
    let table = table.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "What is kept after removing 25 % of the layers",
        "whole model",
        "Block Influence",
        "loss change",
        "random (seed 3)",
        "MC2",
        "Pareto",
        "What to conclude",
        "without shared prefixes",
    ] {
        assert!(table.contains(part), "`{part}` is not in\n{table}");
    }
    // Finished stages are not needed any more.
    assert!(names(work.path()).is_empty());
}

#[test]
fn a_run_writes_its_report_its_page_and_the_best_model() {
    let work = TempDir::new().unwrap();
    let folder = TempDir::new().unwrap();
    let (report, page, pruned) = (
        file(&folder, "report.json"),
        file(&folder, "report.html"),
        file(&folder, "pruned"),
    );
    let outputs = ["--output", &report, "--html", &page, "--export", &pruned];
    let plan = ["--remove", "2", "--schedule", "both", "--protect", "0"];
    assert_eq!(
        stdout(&judge(work.path(), &[&outputs[..], &plan].concat())),
        ""
    );
    let report = json(&fs::read_to_string(&report).unwrap());
    assert_eq!(report["experiment"], "run");
    let plans = report["pruning"]["plans"].as_array().unwrap();
    assert!(plans.iter().any(|plan| plan["schedule"] == "iterative"));
    for plan in plans {
        let removed = plan["removed"].as_array().unwrap();
        assert!(removed.len() == 2 && !removed.contains(&0.into()), "{plan}");
    }
    assert!(
        fs::read_to_string(&page)
            .unwrap()
            .starts_with("<!DOCTYPE html>")
    );
    // The model that was written is the one that the report calls best.
    let provenance = fs::read_to_string(Path::new(&pruned).join("layerlab.json")).unwrap();
    let removed = json(&provenance)["plan"]["removed"].clone();
    let outcomes = report["pruning"]["outcomes"].as_array().unwrap();
    let perplexity = |outcome: &Value| outcome["tasks"][0]["metrics"][0]["value"].as_f64().unwrap();
    let best = outcomes
        .iter()
        .filter(|outcome| outcome["removed"].as_array().unwrap().len() == 2)
        .min_by(|a, b| perplexity(a).total_cmp(&perplexity(b)))
        .unwrap();
    let sorted = |list: &Value| {
        let mut list: Vec<u64> = list
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_u64)
            .collect();
        list.sort_unstable();
        list
    };
    assert_eq!(sorted(&removed), sorted(&best["removed"]));
    // And it makes of the text what the report says.
    let asked = [
        "eval",
        "--model",
        &pruned,
        "--text",
        &demo("text.txt"),
        "--device",
        "cpu",
        "--json",
    ];
    let asked = json(&stdout(&run(&asked)));
    let found = perplexity(&serde_json::json!({ "tasks": asked["evaluation"] }));
    assert!((found - perplexity(best)).abs() < 1e-6 * found, "{found}");
    let again = judge(work.path(), &outputs);
    assert_fails(&again, 2, &["exists"]);
}

#[test]
fn a_pruned_folder_is_a_model_with_its_provenance() {
    let folder = TempDir::new().unwrap();
    let pruned = file(&folder, "pruned");
    let model = demo("");
    let basic = ["prune", "--model", &model, "--output", &pruned];
    let said = stdout(&run(&[&basic[..], &["--layers", "4,2"]].concat()));
    assert!(
        said.contains("Removed 2 of 6 layers") && said.contains("4 2"),
        "{said}"
    );
    let info = json(&stdout(&run(&["info", "--model", &pruned, "--json"])));
    assert_eq!(info["model"]["layers"], 4);
    let yaml = fs::read_to_string(Path::new(&pruned).join("mergekit.yaml")).unwrap();
    for part in ["[0, 2]", "[3, 4]", "[5, 6]", "passthrough", "float32"] {
        assert!(yaml.contains(part), "{yaml}");
    }
    let provenance = fs::read_to_string(Path::new(&pruned).join("layerlab.json")).unwrap();
    let provenance = json(&provenance);
    let source = json(&stdout(&run(&["info", "--model", &model, "--json"])));
    assert_eq!(provenance["source"]["sha256"], source["model"]["sha256"]);
    assert_eq!(provenance["plan"]["method"], "by_hand");
    let again = run(&[&basic[..], &["--layers", "1"]].concat());
    assert_fails(&again, 2, &["exists already", "--force"]);
    stdout(&run(&[&basic[..], &["--layers", "1", "--force"]].concat()));
    let info = json(&stdout(&run(&["info", "--model", &pruned, "--json"])));
    assert_eq!(info["model"]["layers"], 5);
    assert_eq!(names(folder.path()), ["pruned"]);
}

#[test]
fn a_method_chooses_what_to_prune() {
    let folder = TempDir::new().unwrap();
    let (pruned, model, text) = (file(&folder, "pruned"), demo(""), demo("text.txt"));
    let basic = [
        "prune", "--model", &model, "--output", &pruned, "--text", &text, "--device", "cpu",
    ];
    let method = [
        "--method",
        "loss_change",
        "--schedule",
        "iterative",
        "--share",
        "0.5",
        "--json",
    ];
    let provenance = json(&stdout(&run(&[&basic[..], &method].concat())));
    assert_eq!(provenance["plan"]["removed"].as_array().unwrap().len(), 3);
    assert_eq!(provenance["plan"]["schedule"], "iterative");
}

#[test]
fn plans_that_cannot_be_followed_leave_nothing() {
    let folder = TempDir::new().unwrap();
    let (pruned, model, text) = (file(&folder, "pruned"), demo(""), demo("text.txt"));
    let basic = [
        "prune", "--model", &model, "--output", &pruned, "--device", "cpu",
    ];
    let prune = |more: &[&str]| run(&[&basic[..], more].concat());
    let by_method = |more: &[&str]| {
        let method = ["--method", "avss", "--text", &text];
        prune(&[&method[..], more].concat())
    };
    assert_fails(&prune(&["--layers", "0,1,2,3,4,5"]), 2, &["one must stay"]);
    assert_fails(&prune(&["--layers", "1,1"]), 2, &["named twice"]);
    assert_fails(&prune(&["--layers", "6"]), 2, &["no layer 6"]);
    assert_fails(&prune(&[]), 2, &["--method"]);
    for share in ["0", "1", "1.5"] {
        assert_fails(&by_method(&["--share", share]), 2, &["between 0 and 1"]);
    }
    assert_fails(&by_method(&["--remove", "6"]), 2, &["one must stay"]);
    assert_fails(
        &by_method(&["--protect", "0,1,2,3,4,5"]),
        2,
        &["not protected"],
    );
    assert_fails(
        &by_method(&["--protect", "1", "--always-remove", "1"]),
        2,
        &["protected and forced"],
    );
    let magic = ["--method", "magic", "--text", &text];
    assert_fails(&prune(&magic), 2, &["magic", "block_influence"]);
    let itself = run(&[
        "prune", "--model", &model, "--output", &model, "--layers", "1", "--force",
    ]);
    assert_fails(&itself, 2, &["the source itself"]);
    assert!(names(folder.path()).is_empty());
}

/// Killed without warning, as by a power cut: what was finished is not done again.
#[cfg(unix)]
#[test]
fn a_run_that_was_killed_goes_on() {
    let work = TempDir::new().unwrap();
    let (model, text) = (demo(""), demo("text.txt"));
    let work_path = work.path().display().to_string();
    let arguments = [
        "run",
        "--model",
        &model,
        "--text",
        &text,
        "--device",
        "cpu",
        "--work",
        &work_path,
        "--remove",
        "3",
        "--schedule",
        "both",
        "--resamples",
        "20",
        // Many windows, so that a run takes long enough to be killed on the way.
        "--stride",
        "16",
        "--json",
    ];
    let expected = json(&stdout(&run(&arguments)));
    let mut child = layerlab(&arguments)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // As soon as a stage is there; a run has some twenty.
    while names(work.path()).is_empty() && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let stages = names(work.path());
    assert_eq!(stages.len(), 1, "{stages:?}");
    let resumed = json(&stdout(&run(&arguments)));
    assert_eq!(resumed["pruning"]["plans"], expected["pruning"]["plans"]);
    assert_eq!(
        resumed["pruning"]["conclusions"],
        expected["pruning"]["conclusions"]
    );
    assert!(names(work.path()).is_empty());
}
