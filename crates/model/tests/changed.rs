//! Decoders that were changed on their device, as others read them from disk.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{
    collections::BTreeSet,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use burn::tensor::{Tensor, TensorData};
use layerlab_model::{
    AdapterShape, Adapters, Decoder,
    export::{ExportError, FolderTarget, export},
};
use pollster::block_on;
use support::{assert_reloaded, cpu, goldens, load, logits, open, record_logits};
use tempfile::TempDir;

/// Maps with bias and without, stored as inputs by outputs, norms behind sublayers and stored less one, learned positions, tied heads.
const FAMILIES: [&str; 12] = [
    "llama",
    "llama_tied",
    "llama_sharded",
    "gpt2",
    "gpt_neox",
    "granite",
    "gemma2",
    "gemma3",
    "olmo2",
    "opt",
    "phi3",
    "qwen3",
];
const REMOVED: usize = 1;

fn wave(count: usize, by: f32) -> Vec<f32> {
    (0..count)
        .map(|place| (place as f32 * by).sin() * 0.02)
        .collect()
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &cpu().device)
}

/// The end of block 0 refitted, as far as the family has what is refitted.
fn refitted(decoder: &Decoder) -> Decoder {
    let (inner, channels) = (decoder.spec().mlp.inner_size, decoder.spec().hidden_size);
    let weight = tensor(wave(inner * channels, 0.7), [inner, channels]);
    let bias = decoder
        .spec()
        .mlp
        .bias
        .then(|| tensor(wave(channels, 1.1), [channels]));
    let factors: Vec<f32> = wave(channels, 1.9)
        .iter()
        .map(|value| 1.0 + 10.0 * value)
        .collect();
    let changed = decoder.with_mlp_output(0, weight, bias).unwrap();
    changed
        .with_mlp_norm(0, tensor(factors, [channels]))
        .unwrap()
}

fn adapted(decoder: &Decoder) -> Decoder {
    let shape = AdapterShape {
        rank: 2,
        alpha: 3.0,
    };
    let layers = BTreeSet::from([0, 1]);
    let adapters = Adapters::new(decoder.spec(), &layers, shape, 5, &cpu().device).unwrap();
    let mut stored = block_on(adapters.stored()).unwrap();
    for tensor in &mut stored {
        let more = wave(tensor.values.len(), 0.3);
        tensor
            .values
            .iter_mut()
            .zip(more)
            .for_each(|(value, more)| *value += more);
    }
    let device = cpu().device;
    decoder.with_adapters(
        &Adapters::from_stored(decoder.spec(), &layers, shape, stored, &device).unwrap(),
    )
}

/// A golden whose norms add next to nothing to what they divide by: the stream of these models is so small that a norm would see a change of
/// its scale, which no norm of a trained model does. None where the family has no such field.
fn without_epsilon(name: &str, work: &TempDir) -> Option<PathBuf> {
    let (from, to) = (
        goldens().join(name),
        work.path().join(format!("{name}-source")),
    );
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(&from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    let config = fs::read_to_string(from.join("config.json")).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
    let fields = config.as_object_mut().unwrap();
    let mut found = false;
    for key in ["rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon"] {
        if let Some(value) = fields.get_mut(key) {
            *value = 1e-14.into();
            found = true;
        }
    }
    fs::write(to.join("config.json"), config.to_string()).unwrap();
    found.then_some(to)
}

fn written(source: &Path, decoder: &Decoder, work: &TempDir, name: &str) -> PathBuf {
    let to = work.path().join(name);
    let mut target = FolderTarget::new(&to, None, false).unwrap();
    let mut progress = |_| ControlFlow::Continue(());
    let source = open(source);
    let gone = BTreeSet::from([REMOVED]);
    let export = export(&source, &gone, Some(decoder), &mut target, &mut progress);
    block_on(export).unwrap_or_else(|error| panic!("{name}: {error}"));
    target.commit().unwrap();
    to
}

fn difference(a: &[f32], b: &[f32]) -> f32 {
    let squares: f32 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    let of_a: f32 = a.iter().map(|a| a * a).sum();
    (squares / of_a).sqrt()
}

/// Every change of every family, in folders.
fn folders(work: &TempDir) -> Vec<(String, PathBuf, Decoder)> {
    let mut folders = Vec::new();
    let gone = BTreeSet::from([REMOVED]);
    for name in FAMILIES {
        let source = goldens().join(name);
        let cut = load(&source).without(&gone).unwrap();
        let refitted = refitted(&cut);
        let mut changed = vec![
            ("both", source.clone(), adapted(&refitted)),
            ("refit", source, refitted),
        ];
        let small = without_epsilon(name, work).filter(|_| cut.spec().norm_placement.is_before());
        if let Some(source) = small {
            let cut = load(&source).without(&gone).unwrap();
            let scaled = cut.with_scaled_output(0, 1.5).unwrap();
            changed.push(("scale", source, scaled.with_scaled_output(1, 0.7).unwrap()));
        }
        for (what, source, decoder) in changed {
            let name = format!("{name}-{what}");
            assert!(
                difference(&logits(&cut), &logits(&decoder)) > 1e-4,
                "{name} changes nothing"
            );
            let folder = written(&source, &decoder, work, &name);
            folders.push((name, folder, decoder));
        }
    }
    folders
}

#[test]
fn a_changed_decoder_is_on_disk_what_it_is_on_its_device() {
    let work = TempDir::new().unwrap();
    for (name, folder, decoder) in folders(&work) {
        let error = difference(&logits(&decoder), &logits(&load(&folder)));
        assert!(error < 1e-5, "{name}: {error}");
    }
}

#[test]
#[ignore = "needs LAYERLAB_PYTHON with transformers; cargo xtask test --all"]
fn transformers_reads_changed_decoders_alike() {
    let work = TempDir::new().unwrap();
    let folders = folders(&work).into_iter().map(|(_, folder, decoder)| {
        record_logits(&decoder, &folder);
        folder
    });
    assert_reloaded(&folders.collect::<Vec<_>>());
}

#[test]
fn a_decoder_of_other_layers_is_not_written() {
    let work = TempDir::new().unwrap();
    let source = goldens().join("llama");
    let whole = load(&source);
    let mut target = FolderTarget::new(&work.path().join("to"), None, false).unwrap();
    let mut progress = |_| ControlFlow::Continue(());
    let gone = BTreeSet::from([0]);
    let refused = block_on(export(
        &open(&source),
        &gone,
        Some(&whole),
        &mut target,
        &mut progress,
    ));
    assert!(
        matches!(refused, Err(ExportError::OtherLayers { .. })),
        "{refused:?}"
    );
    let none = whole.with_scaled_output(99, 2.0);
    assert!(none.is_err());
}
