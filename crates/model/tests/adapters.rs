//! Adapters on disk: merged into a checkpoint, and in the layout of PEFT.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{
    collections::BTreeSet,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::Command,
};

use layerlab_model::{
    AdapterShape, Adapters, Checkpoint, Decoder, Folder, NoObserver, PaddingSide, TokenBatch,
    export::{FolderTarget, export_changed, write_adapters},
};
use pollster::block_on;
use support::{cpu, goldens};
use tempfile::TempDir;

/// Separate maps, maps stored as inputs by outputs, and maps stored fused.
const FAMILIES: [&str; 5] = ["llama", "qwen3", "gpt2", "gpt_neox", "stablelm_parallel"];
const SHAPE: AdapterShape = AdapterShape {
    rank: 2,
    alpha: 6.0,
};
const IDS: [[u32; 6]; 2] = [[5, 17, 3, 60, 22, 9], [2, 44, 7, 19, 33, 1]];

fn load(folder: &Path) -> (Checkpoint<Folder>, Decoder) {
    let checkpoint = block_on(Checkpoint::open(Folder::new(folder))).unwrap();
    let mut progress = |_| ControlFlow::Continue(());
    let decoder = block_on(Decoder::load(&checkpoint, &cpu().device, &mut progress)).unwrap();
    (checkpoint, decoder)
}

/// Adapters on two layers, none of whose numbers is zero.
fn adapters(decoder: &Decoder) -> Adapters {
    let (spec, layers) = (decoder.spec(), BTreeSet::from([0, 2]));
    let fresh = Adapters::new(spec, &layers, SHAPE, 3, &cpu().device).unwrap();
    let mut stored = block_on(fresh.stored()).unwrap();
    for (number, tensor) in stored.iter_mut().enumerate() {
        for (place, value) in tensor.values.iter_mut().enumerate() {
            *value += ((number * 7 + place * 5) % 11) as f32 / 110.0 - 0.045;
        }
    }
    Adapters::from_stored(spec, &layers, SHAPE, stored, &cpu().device).unwrap()
}

/// Logits `[batch][tokens][vocabulary]`.
fn logits(decoder: &Decoder) -> Vec<f32> {
    let batch = TokenBatch::new(&IDS, PaddingSide::Right).unwrap();
    let hidden = decoder
        .hidden_states(&batch, None, &mut NoObserver)
        .unwrap();
    let data = block_on(decoder.logits(hidden).into_data_async()).unwrap();
    data.iter::<f32>().collect()
}

fn rms(values: &[f32]) -> f32 {
    (values.iter().map(|value| value * value).sum::<f32>() / values.len() as f32).sqrt()
}

#[test]
fn a_merged_checkpoint_does_what_the_adapters_do() {
    let work = TempDir::new().unwrap();
    for name in FAMILIES {
        let to = work.path().join(name);
        let (checkpoint, plain) = load(&goldens().join(name));
        let adapters = adapters(&plain);
        let changes = block_on(adapters.low_rank(plain.spec())).unwrap();
        let mut target = FolderTarget::new(&to, None, false).unwrap();
        let mut progress = |_| ControlFlow::Continue(());
        block_on(export_changed(
            &checkpoint,
            &changes,
            &mut target,
            &mut progress,
        ))
        .unwrap();
        target.commit().unwrap();
        let expected = logits(&plain.with_adapters(&adapters));
        let found = logits(&load(&to).1);
        let error = |other: &[f32]| {
            let differences: Vec<f32> = expected.iter().zip(other).map(|(a, b)| a - b).collect();
            rms(&differences) / rms(&expected)
        };
        assert!(error(&found) < 1e-5, "{name}: {}", error(&found));
        assert!(
            error(&logits(&plain)) > 1e-2,
            "{name}: the adapters change nothing"
        );
    }
}

/// Where `LAYERLAB_PYTHON` names a Python with `peft`, it loads every adapter and gives our logits.
#[test]
fn peft_loads_adapters_and_gives_the_same_logits() {
    let Some(python) = std::env::var_os("LAYERLAB_PYTHON") else {
        eprintln!("LAYERLAB_PYTHON is not set: passed over");
        return;
    };
    let work = TempDir::new().unwrap();
    let folders: Vec<PathBuf> = FAMILIES
        .iter()
        .map(|name| {
            let (source, to) = (goldens().join(name), work.path().join(name));
            let plain = load(&source).1;
            let adapters = adapters(&plain);
            fs::create_dir(&to).unwrap();
            for file in ["config.json", "model.safetensors"] {
                fs::copy(source.join(file), to.join(file)).unwrap();
            }
            let mut target = FolderTarget::new(&to.join("adapter"), None, false).unwrap();
            block_on(write_adapters(&adapters, plain.spec(), name, &mut target)).unwrap();
            target.commit().unwrap();
            let logits = logits(&plain.with_adapters(&adapters));
            let rows: Vec<&[f32]> = logits.chunks(plain.spec().vocab_size).collect();
            let batch: Vec<&[&[f32]]> = rows.chunks(IDS[0].len()).collect();
            let recorded = serde_json::json!({ "ids": IDS, "logits": batch });
            fs::write(to.join("logits.json"), recorded.to_string()).unwrap();
            to
        })
        .collect();
    let script = goldens().join("reload.py");
    let status = Command::new(python).arg(script).args(folders).status();
    assert!(status.unwrap().success());
}
