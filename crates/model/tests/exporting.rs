//! Pruned folders: the model that they hold, and what is left behind when they cannot be written.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{collections::BTreeSet, fs, ops::ControlFlow, path::Path};

use half::f16;
use layerlab_model::{
    export::{ExportError, ExportTarget, FolderTarget, export, rounded},
    tensors::StoredType,
};
use pollster::block_on;
use serde_json::Value;
use support::{assert_reloaded, goldens, load, logits, open, record_logits};
use tempfile::TempDir;

const FAMILIES: [&str; 27] = [
    "llama",
    "llama_tied",
    "llama_bias",
    "llama_bf16",
    "llama_f16",
    "llama_sharded",
    "llama_rope_llama3",
    "mistral",
    "qwen2",
    "qwen2_sliding",
    "qwen3",
    "gpt2",
    "gpt_neo",
    "gpt_neox",
    "stablelm_parallel",
    "gemma2",
    "gemma3",
    "gemma3_old_config",
    "granite",
    "olmo2",
    "opt",
    "phi",
    "phi3",
    "phi3_longrope",
    "smollm3",
    "smollm3_old_config",
    "starcoder2",
];

fn write(source: &Path, to: &Path, removed: &[usize], force: bool) -> Result<(), ExportError> {
    let mut target = FolderTarget::new(to, Some(source), force)?;
    let removed = removed.iter().copied().collect();
    let mut progress = |_| ControlFlow::Continue(());
    block_on(export(
        &open(source),
        &removed,
        None,
        &mut target,
        &mut progress,
    ))?;
    target.commit()
}

fn config(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("config.json")).unwrap()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_pruned_folder_holds_the_pruned_view() {
    let work = TempDir::new().unwrap();
    for name in FAMILIES {
        let source = goldens().join(name);
        for removed in [&[0][..], &[1], &[0, 1]] {
            let to = work
                .path()
                .join(format!("{name}-{}", removed.len() + removed[0]));
            let _ = fs::remove_dir_all(&to);
            write(&source, &to, removed, false).unwrap();
            let set: BTreeSet<usize> = removed.iter().copied().collect();
            let view = load(&source).without(&set).unwrap();
            let read = load(&to);
            assert_eq!(read.spec(), view.spec(), "{name} without {removed:?}");
            assert_eq!(logits(&read), logits(&view), "{name} without {removed:?}");
        }
    }
}

#[test]
fn everything_that_is_told_layer_by_layer_is_corrected() {
    let work = TempDir::new().unwrap();
    let to = |name: &str| work.path().join(name);
    write(&goldens().join("gpt_neo"), &to("neo"), &[1], false).unwrap();
    let neo = config(&to("neo"));
    assert_eq!(neo["num_layers"], 3);
    assert_eq!(
        neo["attention_layers"],
        serde_json::json!(["global", "global", "local"])
    );
    let types = serde_json::json!([[["global"], 1], [["global"], 1], [["local"], 1]]);
    assert_eq!(neo["attention_types"], types);
    write(&goldens().join("qwen2_sliding"), &to("qwen"), &[0], false).unwrap();
    let qwen = config(&to("qwen"));
    assert_eq!(qwen["num_hidden_layers"], 2);
    let types = serde_json::json!(["full_attention", "sliding_attention"]);
    assert_eq!(qwen["layer_types"], types);
    assert_eq!(qwen["max_window_layers"], 0);
    // Nothing else changes.
    let mut before = config(&goldens().join("qwen2_sliding"));
    for name in ["num_hidden_layers", "layer_types", "max_window_layers"] {
        before[name] = qwen[name].clone();
    }
    assert_eq!(before, qwen);
}

/// Where layers are of several kinds by a pattern of their numbers, a pruned configuration says of each what it is.
#[test]
fn a_pattern_of_layers_is_written_down_once_it_is_broken() {
    let work = TempDir::new().unwrap();
    let pruned = |golden: &str, removed: &[usize]| {
        let to = work.path().join(format!("{golden}-{removed:?}"));
        write(&goldens().join(golden), &to, removed, false).unwrap();
        config(&to)
    };
    let [sliding, full] = ["sliding_attention", "full_attention"];
    let types = |kinds: &[&str]| serde_json::json!(kinds);
    let gemma = "gemma3_old_config";
    assert_eq!(config(&goldens().join(gemma)).get("layer_types"), None);
    assert_eq!(pruned(gemma, &[0])["layer_types"], types(&[full, sliding]));
    assert_eq!(pruned(gemma, &[1])["layer_types"], types(&[sliding; 2]));
    // What stays as it was needs no list.
    assert_eq!(pruned(gemma, &[]).get("layer_types"), None);
    let smol = pruned("smollm3_old_config", &[0]);
    assert_eq!(smol["no_rope_layers"], serde_json::json!([0, 1]));
    assert_eq!(smol["layer_types"], types(&[full; 2]));
    let smol = pruned("smollm3", &[1]);
    assert_eq!(smol["no_rope_layers"], serde_json::json!([1, 0]));
    assert_eq!(smol["layer_types"], types(&[sliding, full]));
}

#[test]
fn shards_stay_shards_and_companions_come_along() {
    let work = TempDir::new().unwrap();
    let to = work.path().join("sharded");
    write(&goldens().join("llama_sharded"), &to, &[1], false).unwrap();
    let found = names(&to);
    let shards: Vec<&String> = found
        .iter()
        .filter(|name| name.ends_with(".safetensors"))
        .collect();
    assert!(shards.len() > 1, "{found:?}");
    let index = fs::read(to.join("model.safetensors.index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let map = index["weight_map"].as_object().unwrap();
    assert_eq!(map.len(), open(&to).tensors().len());
    assert_eq!(index["metadata"]["total_size"], open(&to).weight_bytes());

    let to = work.path().join("demo");
    write(&goldens().join("demo"), &to, &[2, 4], false).unwrap();
    let found = names(&to);
    for name in [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ] {
        assert!(found.contains(&name.to_owned()), "{found:?}");
    }
    assert_eq!(names(work.path()), ["demo", "sharded"]);
}

/// transformers reads no blocks in safetensors. What is plain stays as it is.
#[test]
fn what_is_stored_in_blocks_is_written_in_half_precision() {
    let work = TempDir::new().unwrap();
    let [source, to] = ["source", "pruned"].map(|name| work.path().join(name));
    // The file holds no tokenizer.
    fs::create_dir(&source).unwrap();
    for file in ["gguf/types.gguf", "demo/tokenizer.json"] {
        let from = goldens().join(file);
        fs::copy(&from, source.join(from.file_name().unwrap())).unwrap();
    }
    write(&source, &to, &[], false).unwrap();
    let (before, after) = (open(&source), open(&to));
    let types = "IQ4_NL IQ4_XS Q2_K Q3_K Q4_0 Q4_1 Q4_K Q5_0 Q5_1 Q5_K Q6_K Q8_0";
    assert_eq!(rounded(&before).join(" "), types);
    assert!(rounded(&after).is_empty());
    assert_eq!(before.tensors().len(), after.tensors().len());
    for (name, entry) in before.tensors() {
        let (mut dtype, mut values) = (entry.dtype, block_on(before.read_f32(name)).unwrap());
        if dtype.plain().is_none() {
            dtype = StoredType::F16;
            values = values
                .iter()
                .map(|value| f16::from_f32(*value).to_f32())
                .collect();
        }
        assert_eq!(after.entry(name).unwrap().dtype, dtype, "{name}");
        assert_eq!(block_on(after.read_f32(name)).unwrap(), values, "{name}");
    }
    load(&to);
}

#[test]
fn a_layer_that_knows_its_number_is_not_renumbered() {
    let work = TempDir::new().unwrap();
    let source = goldens().join("gpt2_scaled");
    let error = write(&source, &work.path().join("a"), &[0], false).unwrap_err();
    assert!(matches!(error, ExportError::TiedToNumber { .. }), "{error}");
    assert!(names(work.path()).is_empty());
}

#[test]
fn what_is_there_stays_unless_it_may_be_replaced() {
    let work = TempDir::new().unwrap();
    let (source, to) = (work.path().join("source"), work.path().join("to"));
    write(&goldens().join("demo"), &source, &[5], false).unwrap();
    write(&source, &to, &[0], false).unwrap();
    let before = config(&to);
    assert!(matches!(
        write(&source, &to, &[0, 1], false).unwrap_err(),
        ExportError::Exists { .. }
    ));
    assert_eq!(config(&to), before);
    write(&source, &to, &[0, 1], true).unwrap();
    assert_eq!(config(&to)["num_hidden_layers"], 3);
    // By whatever name.
    for same in [source.clone(), work.path().join("to/../source")] {
        let error = write(&source, &same, &[0], true).unwrap_err();
        assert!(matches!(error, ExportError::IsSource { .. }), "{error}");
    }
    let other = work.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("thesis.txt"), "years of work").unwrap();
    let error = write(&source, &other, &[0], true).unwrap_err();
    assert!(matches!(error, ExportError::NotAModel { .. }), "{error}");
    assert_eq!(names(work.path()), ["other", "source", "to"]);
}

#[test]
fn an_export_that_is_broken_off_leaves_nothing() {
    let work = TempDir::new().unwrap();
    let (source, to) = (goldens().join("demo"), work.path().join("to"));
    let mut target = FolderTarget::new(&to, Some(&source), false).unwrap();
    let removed = BTreeSet::from([1]);
    let mut progress = |_| ControlFlow::Break(());
    let result = block_on(export(
        &open(&source),
        &removed,
        None,
        &mut target,
        &mut progress,
    ));
    assert!(matches!(result, Err(ExportError::Interrupted)));
    drop(target);
    assert!(names(work.path()).is_empty());
}

/// A disk that is full after some bytes.
struct FullDisk {
    folder: FolderTarget,
    left: usize,
}

impl ExportTarget for FullDisk {
    async fn begin(&mut self, name: &str) -> Result<(), ExportError> {
        self.folder.begin(name).await
    }

    async fn append(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        match self.left.checked_sub(bytes.len()) {
            Some(left) => {
                self.left = left;
                self.folder.append(bytes).await
            }
            None => Err(ExportError::Write {
                path: "disk".into(),
                source: std::io::ErrorKind::StorageFull.into(),
            }),
        }
    }
}

#[test]
fn a_full_disk_leaves_the_source_and_nothing_else() {
    let work = TempDir::new().unwrap();
    let source = goldens().join("llama_sharded");
    let contents = |name: &String| fs::read(source.join(name)).unwrap();
    let before: Vec<Vec<u8>> = names(&source).iter().map(contents).collect();
    let folder = FolderTarget::new(&work.path().join("to"), Some(&source), false).unwrap();
    let mut target = FullDisk {
        folder,
        left: 60_000,
    };
    let removed = BTreeSet::from([1]);
    let mut progress = |_| ControlFlow::Continue(());
    let result = block_on(export(
        &open(&source),
        &removed,
        None,
        &mut target,
        &mut progress,
    ));
    assert!(matches!(result, Err(ExportError::Write { .. })));
    drop(target);
    assert!(names(work.path()).is_empty());
    let after: Vec<Vec<u8>> = names(&source).iter().map(contents).collect();
    assert_eq!(before, after);
}

#[test]
fn what_leaves_no_model_is_refused() {
    let work = TempDir::new().unwrap();
    for removed in [&[0, 1, 2][..], &[3]] {
        let result = write(
            &goldens().join("llama"),
            &work.path().join("a"),
            removed,
            false,
        );
        assert!(matches!(result, Err(ExportError::Model(_))));
    }
    assert!(names(work.path()).is_empty());
}

#[test]
#[ignore = "needs LAYERLAB_PYTHON with transformers and peft; cargo xtask test --all"]
fn transformers_loads_pruned_folders_and_gives_the_same_logits() {
    let work = TempDir::new().unwrap();
    let folders = FAMILIES.iter().map(|name| {
        let to = work.path().join(name);
        write(&goldens().join(name), &to, &[1], false).unwrap();
        record_logits(&load(&to), &to);
        to
    });
    assert_reloaded(&folders.collect::<Vec<_>>());
}
