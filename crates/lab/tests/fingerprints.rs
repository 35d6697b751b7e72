#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! What was found before is taken up only where everything that shapes it is the same.

mod support;

use std::{collections::BTreeSet, fs};

use layerlab_lab::{
    Cancel, ChatOptions, Dataset, DeviceChoice, EvalOptions, MemoryStages, OpenModel, Run,
    dataset::{BadLine, Items, ReadOptions, Role},
    files::Folder,
    judge_removals, open_device,
};
use pollster::block_on;
use serde_json::{Value, json};
use support::{demo, open};
use tempfile::TempDir;

/// A change of one field, and the field's name.
type Change<T> = (&'static str, fn(&mut T));

const LINE: &str =
    r#"{"question": "Who?", "one": "the cat", "other": "a dog", "third": "rain", "group": "g"}"#;

fn read(fields: &str) -> Dataset {
    let options = ReadOptions {
        skip_bad: false,
        fields: fields.parse().unwrap(),
    };
    Dataset::read_as("a.jsonl", LINE, &options).unwrap()
}

fn dataset() -> Dataset {
    read("question=question,answer=one,wrong=other,group=group")
}

/// Under which name the answers of the whole model are kept.
fn kept(model: &OpenModel<Folder>, dataset: &Dataset, options: &EvalOptions) -> String {
    let cancel = Cancel::default();
    let (mut show, mut stages) = (|_| (), MemoryStages::default());
    let mut run = Run::new(&mut show, &cancel);
    let none: [BTreeSet<usize>; 0] = [];
    let datasets = std::slice::from_ref(dataset);
    let judged = judge_removals(model, datasets, &none, options, &mut stages, &mut run);
    block_on(judged).unwrap();
    let names: Vec<String> = stages.0.into_keys().collect();
    assert_eq!(names.len(), 1);
    names[0].clone()
}

/// The demo model, to be changed.
fn copied() -> TempDir {
    let folder = TempDir::new().unwrap();
    for entry in fs::read_dir(demo()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

fn load(folder: &TempDir) -> OpenModel<Folder> {
    let cancel = Cancel::default();
    block_on(async {
        let device = open_device(DeviceChoice::Cpu).await.unwrap();
        let folder = Folder::new(folder.path());
        OpenModel::load(folder, device, &mut Run::new(&mut |_| (), &cancel)).await
    })
    .unwrap()
}

fn options() -> EvalOptions {
    let mut options = EvalOptions::default();
    options.confidence.resamples = 10;
    options.max_new_tokens = 4;
    options
}

/// As many changes as the form has fields, so that none is forgotten when another comes.
fn assert_complete<T>(value: &Value, changes: &[Change<T>]) {
    let mut fields: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut changed: Vec<&str> = changes.iter().map(|(name, _)| *name).collect();
    fields.sort_unstable();
    changed.sort_unstable();
    assert_eq!(fields, changed);
}

#[test]
fn every_option_counts() {
    let folder = copied();
    // Without a template nothing could be asked in a conversation.
    let template = "{{ messages[0].content }}";
    fs::write(folder.path().join("chat_template.jinja"), template).unwrap();
    let model = load(&folder);
    let changes: [Change<EvalOptions>; 9] = [
        ("batch_tokens", |options| options.batch_tokens += 1),
        ("confidence", |options| options.confidence.resamples += 1),
        ("window", |options| options.window = Some(32)),
        ("stride", |options| options.stride = Some(16)),
        ("max_windows", |options| options.max_windows = Some(1)),
        ("question_template", |options| {
            options.question_template.push(' ')
        }),
        ("text_template", |options| options.text_template.push(' ')),
        ("max_new_tokens", |options| options.max_new_tokens += 1),
        ("chat", |options| {
            options.chat = Some(ChatOptions::default())
        }),
    ];
    assert_complete(&json!(options()), &changes);
    let (dataset, before) = (dataset(), kept(&model, &dataset(), &options()));
    assert_eq!(kept(&model, &dataset, &options()), before);
    for (name, change) in changes {
        let mut options = options();
        change(&mut options);
        assert_ne!(kept(&model, &dataset, &options), before, "{name}");
    }
}

#[test]
fn every_part_of_a_dataset_counts() {
    let model = open(DeviceChoice::Cpu);
    let changes: [Change<Dataset>; 6] = [
        ("name", |dataset| dataset.name.push('b')),
        ("sha256", |dataset| dataset.sha256.push('0')),
        ("items", |dataset| match &mut dataset.items {
            Items::Choices(items) => items[0].single.as_mut().unwrap().choices[1].push('s'),
            other => panic!("{other:?}"),
        }),
        ("of", |dataset| dataset.of += 1),
        ("mapping", |dataset| {
            dataset.mapping.as_mut().unwrap().fields[0].role = Role::Text;
        }),
        ("skipped", |dataset| {
            dataset.skipped.push(BadLine {
                line: 2,
                field: None,
                problem: "is bad".into(),
            });
        }),
    ];
    assert_complete(&json!(dataset()), &changes);
    let before = kept(&model, &dataset(), &options());
    for (name, change) in changes {
        let mut dataset = dataset();
        change(&mut dataset);
        assert_ne!(kept(&model, &dataset, &options()), before, "{name}");
    }
    // The same file with other answers: what was kept of the one is no answer to the other.
    for fields in [
        "question=question,answer=one,wrong=third,group=group",
        "question=question,answer=other,wrong=one,group=group",
        "question=question,answer=one,wrong=other+third,group=group",
        "question=question,answer=one,wrong=other,group=third",
        "question=question,answer=one",
    ] {
        let other = read(fields);
        assert_eq!(other.sha256, dataset().sha256);
        assert_ne!(kept(&model, &other, &options()), before, "{fields}");
    }
}

/// Weights alone are not the model: a tokenizer or a configuration that was changed makes another.
#[test]
fn every_file_of_the_model_counts() {
    let folder = copied();
    let load = || load(&folder);
    let mut seen = BTreeSet::from([kept(&load(), &dataset(), &options())]);
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        let path = folder.path().join(name);
        let contents = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{contents}\n")).unwrap();
        assert!(seen.insert(kept(&load(), &dataset(), &options())), "{name}");
    }
    for (name, contents) in [
        ("generation_config.json", "{}"),
        ("added_tokens.json", "{}"),
        ("chat_template.jinja", "{{ messages[0].content }}"),
    ] {
        fs::write(folder.path().join(name), contents).unwrap();
        assert!(seen.insert(kept(&load(), &dataset(), &options())), "{name}");
    }
}
