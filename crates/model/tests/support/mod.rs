#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]
//! What the golden tests share: devices, and reference tensors written by `transformers`.

#[path = "../../../checkpoint/tests/support/mod.rs"]
mod files;

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::Command,
};

use burn::tensor::{Device, DeviceKind, Tensor};
use layerlab_model::{
    Checkpoint, Decoder, Folder, NoObserver, PaddingSide, TokenBatch, WeightFormat,
};
use pollster::block_on;
use safetensors::{Dtype, SafeTensors};

#[allow(unused_imports, reason = "no test file uses all of them")]
pub use files::{files_of, goldens, joined, parts};

/// A device, and how close it must come to the reference, relative to a layer's RMS.
pub struct Target {
    pub name: &'static str,
    pub device: Device,
    pub tolerance: f64,
}

pub fn cpu() -> Target {
    Target {
        name: "cpu",
        device: Device::flex(),
        tolerance: 1e-4,
    }
}

pub fn gpu() -> Target {
    Target {
        name: "wgpu",
        device: Device::wgpu(DeviceKind::DefaultDevice),
        tolerance: 1e-3,
    }
}

/// The tensors of one `golden.safetensors`.
pub struct Reference(Vec<u8>);

impl Reference {
    pub fn open(path: &Path) -> Self {
        Self(std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    fn all(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).expect("a valid golden")
    }

    pub fn has(&self, name: &str) -> bool {
        self.all().tensor(name).is_ok()
    }

    pub fn shape(&self, name: &str) -> Vec<usize> {
        self.all().tensor(name).expect(name).shape().to_vec()
    }

    pub fn floats(&self, name: &str) -> Vec<f64> {
        let all = self.all();
        let tensor = all.tensor(name).expect(name);
        assert_eq!(tensor.dtype(), Dtype::F32, "{name}");
        let words = tensor.data().as_chunks::<4>().0;
        words
            .iter()
            .map(|word| f32::from_le_bytes(*word).into())
            .collect()
    }

    pub fn ints(&self, name: &str) -> Vec<i64> {
        let all = self.all();
        let tensor = all.tensor(name).expect(name);
        assert_eq!(tensor.dtype(), Dtype::I64, "{name}");
        let words = tensor.data().as_chunks::<8>().0;
        words.iter().map(|word| i64::from_le_bytes(*word)).collect()
    }
}

/// Largest difference between `found` and `expected` (both `[batch, tokens, channels]`) over real
/// tokens, relative to the root mean square of `expected` there.
pub fn relative_error(found: Tensor<3>, expected: &[f64], mask: &[i64]) -> f64 {
    let channels = found.dims()[2];
    let found = block_on(found.into_data_async()).expect("read-back");
    let found: Vec<f64> = found.iter::<f64>().collect();
    assert_eq!(found.len(), expected.len());
    let (mut largest, mut squares, mut count) = (0.0f64, 0.0, 0);
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        if mask[index / channels] == 1 {
            assert!(
                found.is_finite() && expected.is_finite(),
                "{index}: {found}, {expected}"
            );
            largest = largest.max((found - expected).abs());
            squares += expected * expected;
            count += 1;
        }
    }
    largest / (squares / f64::from(count)).sqrt()
}

/// Tokens whose logits are compared.
const IDS: [[u32; 6]; 2] = [[5, 17, 3, 60, 22, 9], [2, 44, 7, 19, 33, 1]];

pub fn open(folder: &Path) -> Checkpoint<Folder> {
    block_on(Checkpoint::open(Folder::new(folder))).expect("a checkpoint")
}

pub fn load(folder: &Path) -> Decoder {
    let mut progress = |_| ControlFlow::Continue(());
    block_on(Decoder::load(
        &open(folder),
        &cpu().device,
        WeightFormat::Stored,
        &mut progress,
    ))
    .expect("a decoder")
}

/// Logits `[batch][tokens][vocabulary]`.
pub fn logits(decoder: &Decoder) -> Vec<f32> {
    let batch = TokenBatch::new(&IDS, PaddingSide::Right).expect("a batch");
    let hidden = decoder.hidden_states(&batch, None, &mut NoObserver);
    let logits = decoder.logits(hidden.expect("hidden states"));
    let data = block_on(logits.into_data_async()).expect("read-back");
    data.iter::<f32>().collect()
}

/// Leaves a decoder's logits in a folder, for `reload.py`.
pub fn record_logits(decoder: &Decoder, folder: &Path) {
    let logits = logits(decoder);
    let rows: Vec<&[f32]> = logits.chunks(decoder.spec().vocab_size).collect();
    let batch: Vec<&[&[f32]]> = rows.chunks(IDS[0].len()).collect();
    let recorded = serde_json::json!({ "ids": IDS, "logits": batch });
    fs::write(folder.join("logits.json"), recorded.to_string()).expect("a file");
}

/// The Python with `transformers` and `peft` that `LAYERLAB_PYTHON` names loads the folders, and finds the logits that are
/// recorded there.
pub fn assert_reloaded(folders: &[PathBuf]) {
    assert!(!folders.is_empty());
    let python = std::env::var_os("LAYERLAB_PYTHON").expect("LAYERLAB_PYTHON names a Python");
    let script = goldens().join("reload.py");
    let status = Command::new(python).arg(script).args(folders).status();
    assert!(status.expect("python starts").success());
}
