//! Pruning, asking and comparing from the command line.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{fs, path::Path, process::Output, thread, time::Duration};

use serde_json::Value;
use support::{assert_fails, demo, layerlab, names, run, stdout};
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

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn file(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
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

#[test]
fn a_model_is_asked_in_every_way() {
    let folder = TempDir::new().unwrap();
    let questions = folder.path().join("questions.jsonl");
    fs::write(
        &questions,
        "{\"question\": \"Who?\", \"answer\": \"Nobody\"}\n",
    )
    .unwrap();
    let (model, text, questions) = (demo(""), demo("text.txt"), questions.display().to_string());
    let tasks = ["truthful.json", "choices.jsonl", "labels.csv"]
        .map(|name| demo(&format!("../tasks/{name}")));
    let mut arguments = vec![
        "eval", "--model", &model, "--text", &text, "--device", "cpu",
    ];
    for task in tasks.iter().chain([&questions]) {
        arguments.extend(["--task", task]);
    }
    let table = stdout(&run(&[&arguments[..], &["--full"]].concat()));
    for part in [
        "perplexity",
        "MC1",
        "MC2",
        "accuracy",
        "acc_norm",
        "ECE",
        "exact match",
        "chance",
    ] {
        assert!(table.contains(part), "`{part}` is not in\n{table}");
    }
    arguments.push("--csv");
    let csv = stdout(&run(&arguments));
    assert!(
        csv.starts_with(
            "section,method,role,source,schedule,healing,layers,layer,tap,dataset,metric,value"
        ),
        "{csv}"
    );
}

#[test]
fn two_models_are_compared_item_by_item() {
    let folder = TempDir::new().unwrap();
    let (pruned, model, text) = (file(&folder, "pruned"), demo(""), demo("text.txt"));
    stdout(&run(&[
        "prune", "--model", &model, "--output", &pruned, "--layers", "0",
    ]));
    let task = demo("../tasks/choices.jsonl");
    let basic = [
        "compare", "--model", &model, "--text", &text, "--task", &task, "--device", "cpu",
    ];
    let with = |other: &str| stdout(&run(&[&basic[..], &["--with", other, "--json"]].concat()));
    let report = json(&with(&pruned));
    assert_eq!(report["comparison"]["model"]["layers"], 5);
    let compared = report["comparison"]["compared"].as_array().unwrap();
    assert!(compared[0]["retained"].as_f64().unwrap() != 1.0);
    // A model retains all of itself.
    let report = json(&with(&model));
    for compared in report["comparison"]["compared"].as_array().unwrap() {
        assert_eq!(compared["difference"], 0.0, "{compared}");
    }
    let table = stdout(&run(&[&basic[..], &["--with", &pruned, "--full"]].concat()));
    assert!(
        table.contains("McNemar") && table.contains("kept"),
        "{table}"
    );
}

/// The demo model with a tokenizer that joins no letters: the same weights read the same text as other tokens.
fn demo_that_spells(folder: &TempDir) -> String {
    let spells = folder.path().join("spells");
    fs::create_dir(&spells).unwrap();
    for name in ["config.json", "model.safetensors", "tokenizer_config.json"] {
        fs::copy(demo(name), spells.join(name)).unwrap();
    }
    let mut tokenizer = json(&fs::read_to_string(demo("tokenizer.json")).unwrap());
    tokenizer["model"]["merges"] = Value::Array(Vec::new());
    fs::write(spells.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    spells.display().to_string()
}

#[test]
fn models_with_different_tokenizers_are_compared_in_bits_per_byte() {
    let folder = TempDir::new().unwrap();
    let (model, other, text) = (demo(""), demo_that_spells(&folder), demo("text.txt"));
    let basic = [
        "compare", "--model", &model, "--text", &text, "--device", "cpu", "--window", "32",
    ];
    let with =
        |other: &str, more: &[&str]| stdout(&run(&[&basic[..], &["--with", other], more].concat()));
    let report = json(&with(&other, &["--json"]));
    let metrics = |of: &Value| -> Vec<String> {
        let compared = of["comparison"]["compared"].as_array().unwrap().iter();
        compared
            .map(|one| one["metric"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(metrics(&report), ["bits_per_byte"]);
    let warned = |report: &Value| report["warnings"].to_string().contains("different tokens");
    assert!(warned(&report), "{}", report["warnings"]);
    let tasks = [
        &report["evaluation"][0],
        &report["comparison"]["evaluation"][0],
    ];
    let [first, second] = tasks.map(|task| {
        let tokens = task["task"]["tokens"].as_f64().unwrap();
        let bytes = task["task"]["bytes"].as_f64().unwrap();
        let value = |index: usize| task["metrics"][index]["value"].as_f64().unwrap();
        // By the definition, from perplexity: bits of all tokens over the bytes that they stand for.
        let expected = tokens * value(0).log2() / bytes;
        assert!(
            (value(1) / expected - 1.0).abs() < 1e-9,
            "{} {expected}",
            value(1)
        );
        (tokens, value(1))
    });
    assert!(
        second.0 > 1.5 * first.0,
        "{} and {} tokens",
        first.0,
        second.0
    );
    let compared = &report["comparison"]["compared"][0];
    let difference = compared["difference"].as_f64().unwrap();
    assert!(
        (difference - (second.1 - first.1)).abs() < 0.1,
        "{difference}"
    );
    // Lines break where the length of the model's path makes them.
    let table = with(&other, &[]);
    let table = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        table.contains("bits per byte") && table.contains("different tokens"),
        "{table}"
    );
    // The same tokens are compared by perplexity, and nothing is warned of.
    let report = json(&with(&model, &["--json"]));
    assert_eq!(metrics(&report), ["perplexity"]);
    assert!(!warned(&report));
}

#[test]
fn datasets_that_cannot_be_used_are_told() {
    let folder = TempDir::new().unwrap();
    let dataset = |name: &str, contents: &str| {
        fs::write(folder.path().join(name), contents).unwrap();
        file(&folder, name)
    };
    let model = demo("");
    let ask = |task: &str, more: &[&str]| {
        run(&[
            &["eval", "--model", &model, "--device", "cpu", "--task", task],
            more,
        ]
        .concat())
    };
    let good = r#"{"question": "Q", "choices": ["a", "b"], "label": 0}"#;
    let bad = dataset("bad.jsonl", &format!("{good}\n{{\n"));
    assert_fails(&ask(&bad, &[]), 3, &["line 2", "--skip-bad"]);
    let skipped = stdout(&ask(&bad, &["--skip-bad", "--full"]));
    assert!(skipped.contains("1 record passed over"), "{skipped}");
    assert_fails(
        &ask(&dataset("no.jsonl", "\n"), &[]),
        3,
        &["no usable record"],
    );
    let one = dataset("one.csv", "text,label\na,good\n");
    assert_fails(&ask(&one, &[]), 3, &["at least two classes"]);
    let long = format!(
        r#"{{"question": "Q", "choices": ["a", "{}"], "label": 0}}"#,
        "longer ".repeat(200)
    );
    assert_fails(
        &ask(&dataset("long.jsonl", &long), &[]),
        3,
        &["does not fit the model's context of"],
    );
    assert_fails(&ask("nowhere.jsonl", &[]), 3, &["nowhere.jsonl"]);
    assert_fails(&ask(&bad, &["--items", "0"]), 2, &["above 0"]);
    let template = ["--question-template", "no place"];
    assert_fails(
        &ask(&bad, &[&template[..], &["--skip-bad"]].concat()),
        3,
        &["{question}"],
    );
    assert_fails(&run(&["eval", "--model", &model]), 2, &["nothing to ask"]);
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
