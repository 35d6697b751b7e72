//! What models are asked, and two models beside each other, by the command.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;

use serde_json::Value;
use support::{assert_fails, demo, file, json, run, stdout};
use tempfile::TempDir;

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
