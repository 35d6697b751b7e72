//! Ids equal those of `transformers` 5 for every way in which a folder can say what its tokenizer is.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use layerlab_checkpoint::{MemoryFiles, Tokenizer};
use pollster::block_on;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use support::{files_of, goldens};

#[derive(Deserialize)]
struct Goldens {
    texts: Vec<String>,
    grids: Vec<Grid>,
    /// With what is added around a text, and without; by text.
    ids: Vec<[Vec<Vec<u32>>; 2]>,
}

#[derive(Deserialize)]
struct Grid {
    name: String,
    axes: Vec<Vec<Map<String, Value>>>,
    readings: Vec<Option<usize>>,
}

fn read_goldens() -> Goldens {
    serde_json::from_slice(&std::fs::read(goldens().join("bos_eos.json")).unwrap()).unwrap()
}

/// One patch of every axis, the last axis fastest.
fn variants(axes: &[Vec<Map<String, Value>>]) -> Vec<Vec<&Map<String, Value>>> {
    axes.iter().fold(vec![Vec::new()], |found, axis| {
        let longer = |before: &Vec<_>, patch| before.iter().copied().chain([patch]).collect();
        found
            .iter()
            .flat_map(|before| axis.iter().map(move |patch| longer(before, patch)))
            .collect()
    })
}

/// As `variant` of bos_eos.py.
fn files(patches: &[&Map<String, Value>]) -> MemoryFiles {
    let mut files: BTreeMap<String, Value> = BTreeMap::new();
    for (name, fields) in patches.iter().flat_map(|patch| patch.iter()) {
        match (name.as_str(), fields) {
            ("base", folder) => {
                let base = &files_of(folder.as_str().unwrap())["tokenizer.json"];
                files.insert(
                    "tokenizer.json".into(),
                    serde_json::from_slice(base).unwrap(),
                );
            }
            (name, Value::Null) => {
                let model = files.remove(name).unwrap()["model"].take();
                let merges = model["merges"].as_array().unwrap().iter();
                let merges: String = merges
                    .map(|pair| {
                        format!(
                            "{} {}\n",
                            pair[0].as_str().unwrap(),
                            pair[1].as_str().unwrap()
                        )
                    })
                    .collect();
                files.insert("vocab.json".into(), model["vocab"].clone());
                files.insert("merges.txt".into(), merges.into());
            }
            (name, fields) => {
                let file = files.entry(name.to_owned()).or_insert_with(|| json!({}));
                let fields = fields.as_object().unwrap().clone();
                file.as_object_mut().unwrap().extend(fields);
            }
        }
    }
    let contents = |value: Value| match value {
        Value::String(text) => text.into_bytes(),
        value => value.to_string().into_bytes(),
    };
    MemoryFiles::new(
        "memory",
        files
            .into_iter()
            .map(|(name, value)| (name, contents(value))),
    )
}

#[test]
fn ids_are_those_of_transformers() {
    let goldens = read_goldens();
    let (mut wrong, mut read) = (Vec::new(), 0);
    for grid in &goldens.grids {
        let variants = variants(&grid.axes);
        assert_eq!(variants.len(), grid.readings.len(), "{}", grid.name);
        for (patches, reading) in variants.iter().zip(&grid.readings) {
            let opened = block_on(Tokenizer::open(&files(patches)));
            let right = reading.map(|reading| &goldens.ids[reading]);
            let said = match (opened, right) {
                (Err(_), None) => continue,
                (Err(error), Some(_)) => error.to_string(),
                (Ok(tokenizer), right) => {
                    let ids = [true, false].map(|special| {
                        let ids = goldens.texts.iter();
                        ids.map(|text| tokenizer.encode(text, special).unwrap())
                            .collect::<Vec<_>>()
                    });
                    match right == Some(&ids) {
                        true => {
                            read += 1;
                            continue;
                        }
                        false => format!("{ids:?}\nright {right:?}"),
                    }
                }
            };
            wrong.push(format!(
                "{}: {}\n{said}",
                grid.name,
                serde_json::to_string(&patches[1..]).unwrap()
            ));
        }
    }
    assert!(read > 1500, "{read}");
    let some: String = wrong
        .iter()
        .take(6)
        .map(|one| format!("{one}\n\n"))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{some}",
        wrong.len(),
        read + wrong.len()
    );
}
