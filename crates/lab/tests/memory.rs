//! What a model is said to take is what it takes.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use layerlab_lab::{
    Cancel, Checkpoint, Dataset, DeviceChoice, EvalOptions, OpenModel, Run, WeightFormat,
    evaluate_model,
    files::Folder,
    memory::{MemoryNeed, ModelNeeds, PROGRAM},
    open_device,
};
use pollster::block_on;
use support::demo;

/// How far a peak may be from what was said, in parts of it.
const TOLERANCE: f64 = 0.1;
/// Names the model whose evaluation a process of its own is to measure, and says how its weights are held.
const MODEL: &str = "LAYERLAB_MEMORY_OF";

fn needs(path: &Path) -> ModelNeeds {
    block_on(async {
        let checkpoint = Checkpoint::open(Folder::new(path)).await.unwrap();
        ModelNeeds::of(&checkpoint).await.unwrap()
    })
}

#[test]
fn weights_are_those_of_the_decoder() {
    let needs = needs(&demo());
    assert_eq!((needs.family.as_str(), needs.layers), ("llama", 6));
    assert_eq!(needs.f32.weights, 4 * needs.parameters as u64);
    // The demo is stored as float32.
    assert_eq!(needs.stored, needs.f32);
    assert_eq!(needs.perhaps, None);
    let MemoryNeed {
        weights,
        tokenizer,
        activations,
        tokenizer_at_first,
        ..
    } = needs.f32;
    assert!(tokenizer > 0 && activations > 0);
    let later = weights + tokenizer + activations;
    assert_eq!(needs.f32.peak, later.max(tokenizer_at_first));
}

/// Not a test: what [`peak`] runs in a process of its own, so that no other model has left anything in its memory.
#[test]
#[ignore = "is run by the tests of peaks"]
fn process_of_one_model() {
    let Ok(said) = env::var(MODEL) else {
        return;
    };
    let (format, path) = said.split_once(' ').unwrap();
    let format = match format {
        "f32" => WeightFormat::F32,
        _ => WeightFormat::Stored,
    };
    let text = fs::read_to_string(shared("data/wiki_eval.txt")).unwrap();
    let dataset = Dataset::read("wiki_eval.txt", &text, false).unwrap();
    let (mut show, cancel) = (|_| (), Cancel::default());
    let mut run = Run::new(&mut show, &cancel);
    block_on(async {
        let device = open_device(DeviceChoice::Cpu).await.unwrap();
        let device = device.with_weights(format);
        let model = OpenModel::load(Folder::new(path), device, &mut run)
            .await
            .unwrap();
        let options = EvalOptions::default();
        let report = evaluate_model(&model, &[dataset], &options, String::new(), &mut run).await;
        assert_eq!(report.unwrap().evaluation.len(), 1);
    });
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes: u64 = peak
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    println!("peak {}", kibibytes * 1024);
}

fn shared(file: &str) -> PathBuf {
    // Cargo runs tests in the package's folder.
    Path::new("../../../shared").join(file)
}

/// Bytes of a process that evaluates a model, at their peak.
fn peak(path: &Path, format: &str) -> u64 {
    let output = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "process_of_one_model",
            "--ignored",
            "--nocapture",
        ])
        .env(MODEL, format!("{format} {}", path.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let peak = said.lines().find_map(|line| line.strip_prefix("peak "));
    peak.unwrap_or_else(|| panic!("{said}")).parse().unwrap()
}

fn assert_said(path: &Path, format: &str, need: &MemoryNeed) {
    let (said, found) = (need.peak + PROGRAM, peak(path, format));
    let off = found as f64 / said as f64 - 1.0;
    eprintln!(
        "{}, {format}: {said} said, {found} at the peak, {:+.1} %",
        path.display(),
        100.0 * off
    );
    assert!(off.abs() <= TOLERANCE, "{}", path.display());
}

#[test]
#[ignore = "needs LAYERLAB_REAL (tests/real/smollm2.py) and ../shared, on Linux; cargo xtask test --all"]
fn the_peak_is_near_what_was_said() {
    let path =
        PathBuf::from(env::var("LAYERLAB_REAL").expect("LAYERLAB_REAL names SmolLM2's folder"));
    let needs = needs(&path);
    assert_said(&path, "stored", &needs.stored);
    assert_said(&path, "f32", &needs.f32);
}

#[test]
#[ignore = "needs LAYERLAB_REAL_GGUF (tests/real/gguf_files.py) and ../shared, on Linux"]
fn the_peak_of_blocks_as_float32_is_near_what_was_said() {
    let folder = env::var("LAYERLAB_REAL_GGUF");
    let folder = PathBuf::from(
        folder.expect("LAYERLAB_REAL_GGUF names the folder of tests/real/gguf_files.py"),
    );
    for name in ["smollm2.gguf", "gemma3.gguf", "qwen.gguf"] {
        let path = folder.join(name);
        assert_said(&path, "f32", &needs(&path).f32);
    }
}
