//! Adapters on disk: merged into a checkpoint, and in the layout of PEFT.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{collections::BTreeSet, fs, ops::ControlFlow};

use layerlab_model::{
    AdapterShape, Adapters, Decoder,
    export::{FolderTarget, export, write_adapters},
};
use pollster::block_on;
use support::{assert_reloaded, cpu, goldens, load, logits, open, record_logits};
use tempfile::TempDir;

/// Separate maps, maps stored as inputs by outputs, and maps stored fused: those of attention, and gate and up.
const FAMILIES: [&str; 9] = [
    "llama",
    "qwen3",
    "gpt2",
    "gpt_neox",
    "stablelm_parallel",
    "gemma2",
    "opt",
    "phi",
    "phi3",
];
const SHAPE: AdapterShape = AdapterShape {
    rank: 2,
    alpha: 6.0,
};

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

fn rms(values: &[f32]) -> f32 {
    (values.iter().map(|value| value * value).sum::<f32>() / values.len() as f32).sqrt()
}

#[test]
fn a_merged_checkpoint_does_what_the_adapters_do() {
    let work = TempDir::new().unwrap();
    for name in FAMILIES {
        let to = work.path().join(name);
        let source = goldens().join(name);
        let plain = load(&source);
        let adapters = adapters(&plain);
        let changed = plain.with_adapters(&adapters);
        let mut target = FolderTarget::new(&to, None, false).unwrap();
        let mut progress = |_| ControlFlow::Continue(());
        block_on(export(
            &open(&source),
            &BTreeSet::new(),
            Some(&changed),
            &mut target,
            &mut progress,
        ))
        .unwrap();
        target.commit().unwrap();
        let expected = logits(&changed);
        let found = logits(&load(&to));
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

#[test]
#[ignore = "needs LAYERLAB_PYTHON with transformers and peft; cargo xtask test --all"]
fn peft_loads_adapters_and_gives_the_same_logits() {
    let work = TempDir::new().unwrap();
    let folders = FAMILIES.iter().map(|name| {
        let (source, to) = (goldens().join(name), work.path().join(name));
        let plain = load(&source);
        let adapters = adapters(&plain);
        fs::create_dir(&to).unwrap();
        for file in ["config.json", "model.safetensors"] {
            fs::copy(source.join(file), to.join(file)).unwrap();
        }
        let mut target = FolderTarget::new(&to.join("adapter"), None, false).unwrap();
        block_on(write_adapters(&adapters, plain.spec(), name, &mut target)).unwrap();
        target.commit().unwrap();
        record_logits(&plain.with_adapters(&adapters), &to);
        to
    });
    assert_reloaded(&folders.collect::<Vec<_>>());
}
