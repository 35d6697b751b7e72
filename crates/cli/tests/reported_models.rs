//! Model folders as people reported them, read as `transformers` reads them or refused with cause and cure.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use support::{assert_fails, run, stdout};
use tempfile::TempDir;

/// What float32 may differ in between two programs.
const TOLERANCE: f64 = 1e-4;
const BASE: [&str; 3] = ["config.json", "tokenizer.json", "tokenizer_config.json"];
const WEIGHTS: &str = "model.safetensors";
const POINTER: &str = "version https://git-lfs.github.com/spec/v1\n\
    oid sha256:5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f\nsize 4976698672\n";
const PAGE: &str =
    "<!doctype html>\n<html><head><title>Sign in</title></head><body>…</body></html>\n";

/// A model folder, as `tests/reported/cases.json` describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Files of the folder, and where they lie here.
    files: Map<String, Value>,
    /// Fields of `config.json` that are changed.
    #[serde(default)]
    config: Map<String, Value>,
    /// What is put before all names of tensors.
    #[serde(default)]
    wrapper: String,
    /// Layers that are removed before the model is asked.
    #[serde(default)]
    removed: Vec<usize>,
    /// What must be said of the folder.
    told: Vec<String>,
}

fn reported(file: &str) -> PathBuf {
    Path::new("../../tests/reported").join(file)
}

fn cases() -> Vec<(Case, f64)> {
    let read = |file| fs::read(reported(file)).unwrap();
    let truth: Value = serde_json::from_slice(&read("perplexities.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&read("cases.json")).unwrap();
    let of = |case: &Case| truth["perplexities"][&case.name].as_f64().unwrap();
    let with_truth = |case: Case| {
        let truth = of(&case);
        (case, truth)
    };
    cases.into_iter().map(with_truth).collect()
}

/// The folder of a case.
fn folder(case: &Case, place: &Path) {
    fs::create_dir(place).unwrap();
    for name in BASE {
        fs::copy(reported("base").join(name), place.join(name)).unwrap();
    }
    for (name, source) in &case.files {
        fs::copy(reported(source.as_str().unwrap()), place.join(name)).unwrap();
    }
    let file = place.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for (field, value) in &case.config {
        config[field] = value.clone();
    }
    fs::write(file, config.to_string()).unwrap();
    if !case.wrapper.is_empty() {
        rename_tensors(&place.join(WEIGHTS), |name| {
            format!("{}{name}", case.wrapper)
        });
    }
}

/// Gives the tensors of a file other names.
fn rename_tensors(file: &Path, rename: impl Fn(&str) -> String) {
    let contents = fs::read(file).unwrap();
    let (length, rest) = contents.split_at(8);
    let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
    let (header, data) = rest.split_at(length);
    let header: Map<String, Value> = serde_json::from_slice(header).unwrap();
    let renamed = header.into_iter().map(|(name, value)| match name.as_str() {
        "__metadata__" => (name, value),
        _ => (rename(&name), value),
    });
    let header = Value::Object(renamed.collect()).to_string().into_bytes();
    let length = (header.len() as u64).to_le_bytes();
    fs::write(file, [&length[..], &header, data].concat()).unwrap();
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Perplexity of the text in one window, and the report.
fn asked(model: &Path) -> (f64, Value, Output) {
    let text = shown(&reported("base/text.txt"));
    let model = shown(model);
    let output = run(&[
        "eval", "--model", &model, "--text", &text, "--window", "1024", "--device", "cpu", "--json",
    ]);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let metrics = report["evaluation"][0]["metrics"].as_array().unwrap();
    let perplexity = metrics
        .iter()
        .find(|metric| metric["metric"] == "perplexity");
    let value = perplexity.unwrap()["value"].as_f64().unwrap();
    (value, report, output)
}

fn pruned(model: &Path, to: &Path, removed: &[usize]) -> Output {
    let layers: Vec<String> = removed.iter().map(ToString::to_string).collect();
    let (model, to) = (shown(model), shown(to));
    run(&[
        "prune",
        "--model",
        &model,
        "--layers",
        &layers.join(","),
        "--output",
        &to,
    ])
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The folders of all cases, pruned where the case says so, with the right perplexity.
fn written(work: &Path, mut each: impl FnMut(&Case, &Path, f64)) {
    for (index, (case, truth)) in cases().iter().enumerate() {
        let source = work.join(index.to_string());
        folder(case, &source);
        let model = match case.removed.as_slice() {
            [] => source,
            removed => {
                let to = work.join(format!("{index}-pruned"));
                let output = pruned(&source, &to, removed);
                stdout(&output);
                for part in &case.told {
                    assert!(
                        told(&output).contains(part),
                        "{}: {}",
                        case.name,
                        told(&output)
                    );
                }
                to
            }
        };
        each(case, &model, *truth);
    }
}

#[test]
fn perplexities_are_those_of_transformers_and_what_was_not_used_is_told() {
    let work = TempDir::new().unwrap();
    written(work.path(), |case, model, truth| {
        let (found, report, output) = asked(model);
        let error = (found / truth - 1.0).abs();
        assert!(
            error < TOLERANCE,
            "{}: {found} instead of {truth}",
            case.name
        );
        // A pruned folder holds exactly what its configuration asks for.
        let expected: &[String] = match case.removed.is_empty() {
            true => &case.told,
            false => &[],
        };
        let info = stdout(&run(&["info", "--model", &shown(model)]));
        let warnings = report["warnings"].to_string();
        for part in expected {
            for said in [&told(&output), &info, &warnings] {
                assert!(
                    said.contains(part),
                    "{}: `{part}` is not in {said}",
                    case.name
                );
            }
        }
        if expected.is_empty() {
            assert_eq!(report["model"]["warnings"], json!([]), "{}", case.name);
            assert!(!info.contains("warning"), "{}: {info}", case.name);
        }
    });
}

#[test]
#[ignore = "needs a Python with transformers, named by LAYERLAB_PYTHON"]
fn transformers_finds_the_same_perplexities_in_pruned_folders() {
    let work = TempDir::new().unwrap();
    let mut arguments = Vec::new();
    written(work.path(), |case, model, truth| {
        if !case.removed.is_empty() {
            arguments.extend([shown(model), truth.to_string()]);
        }
    });
    let python = std::env::var_os("LAYERLAB_PYTHON").unwrap();
    let script = "../../tests/goldens/reported.py";
    let status = Command::new(python).arg(script).args(arguments).status();
    assert!(status.unwrap().success());
}

/// A sound folder in which `spoil` changes something.
fn spoilt(spoil: impl FnOnce(&Path)) -> (TempDir, String) {
    let work = TempDir::new().unwrap();
    let (sound, _) = cases().swap_remove(4);
    let place = work.path().join("model");
    folder(&sound, &place);
    spoil(&place);
    (work, shown(&place))
}

#[test]
fn what_lies_in_place_of_a_file_is_named() {
    let shard = "model-00002-of-00002.safetensors";
    let index = "model.safetensors.index.json";
    for name in ["config.json", "tokenizer.json", shard, index] {
        for (contents, cure) in [(POINTER, "git lfs pull"), (PAGE, "web page")] {
            let spoil = |place: &Path| fs::write(place.join(name), contents).unwrap();
            let (_work, model) = spoilt(spoil);
            assert_fails(&run(&["info", "--model", &model]), 3, &[name, cure]);
        }
    }
    let spoil = |place: &Path| fs::write(place.join(shard), "Entry not found").unwrap();
    let (_work, model) = spoilt(spoil);
    let parts = [shard, "\"Entry not found\""];
    assert_fails(&run(&["info", "--model", &model]), 3, &parts);
}

#[test]
fn an_adapter_is_no_model() {
    let config = json!({"peft_type": "LORA", "base_model_name_or_path": "someone/base-1b"});
    let adapter = config.to_string();
    // By itself, and with a configuration copied beside it.
    for with_config in [false, true] {
        let (_work, model) = spoilt(|place| {
            fs::write(place.join("adapter_config.json"), &adapter).unwrap();
            let mut gone = vec!["model.safetensors.index.json"];
            gone.extend((!with_config).then_some("config.json"));
            for name in gone {
                fs::remove_file(place.join(name)).unwrap();
            }
        });
        let parts = ["is an adapter of someone/base-1b"];
        assert_fails(&run(&["info", "--model", &model]), 3, &parts);
    }
    // Beside whole weights it is told, since transformers with PEFT would apply it.
    let (_work, model) = spoilt(|place| {
        fs::write(place.join("adapter_config.json"), &adapter).unwrap();
    });
    let info = stdout(&run(&["info", "--model", &model]));
    assert!(info.contains("an adapter lies beside the model"), "{info}");
}

#[test]
fn a_model_without_a_head_is_refused_before_anything_is_written() {
    let (work, model) = spoilt(|place| {
        fs::copy(
            reported("03-stale-index/model.safetensors"),
            place.join(WEIGHTS),
        )
        .unwrap();
        rename_tensors(&place.join(WEIGHTS), |name| match name {
            "lm_head.weight" => "score.weight".into(),
            name => name.into(),
        });
    });
    let parts = [
        "`lm_head.weight` is missing",
        "this is the head",
        "at random",
    ];
    assert_fails(&run(&["info", "--model", &model]), 3, &parts);
    let to = work.path().join("pruned");
    assert_fails(&pruned(Path::new(&model), &to, &[1]), 3, &parts);
    assert!(!to.exists());
}
