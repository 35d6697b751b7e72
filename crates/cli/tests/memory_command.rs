//! What `info` says that a model takes is what the command takes, at its peak.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{
    env, fs, path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;
use support::{run, stdout};

/// How far a peak may be from what was said, in parts of it.
const TOLERANCE: f64 = 0.12;

/// Bytes at the peak of an evaluation, as Linux counts them.
fn peak(model: &str, weights: &str) -> u64 {
    // Cargo runs tests in the package's folder.
    let text = path::absolute("../../../shared/data/wiki_eval.txt").unwrap();
    let mut evaluation = Command::new(env!("CARGO_BIN_EXE_layerlab"))
        .args(["eval", "--quiet", "--device", "cpu", "--model", model])
        .args(["--weights", weights, "--text"])
        .arg(text)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", evaluation.id());
    let mut kibibytes = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let now = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = now.and_then(|now| now.trim().trim_end_matches(" kB").parse().ok());
        kibibytes = kibibytes.max(now.unwrap_or(0));
        if let Some(ended) = evaluation.try_wait().unwrap() {
            assert!(ended.success());
            return 1024 * kibibytes;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn assert_said(model: &str) {
    let info: Value =
        serde_json::from_str(&stdout(&run(&["info", "--model", model, "--json"]))).unwrap();
    let needs = &info["needs"];
    for weights in ["stored", "f32"] {
        let bytes = |value: &Value| value.as_u64().unwrap();
        let said = bytes(&needs[weights]["peak"]) + bytes(&needs["program"]);
        let found = peak(model, weights);
        let off = found as f64 / said as f64 - 1.0;
        eprintln!(
            "{model}, {weights}: {said} said, {found} at the peak, {:+.1} %",
            100.0 * off
        );
        assert!(off.abs() <= TOLERANCE, "{model}, {weights}");
    }
}

#[test]
#[ignore = "needs LAYERLAB_REAL (tests/real/smollm2.py) and ../shared, on Linux; cargo xtask test --all"]
fn the_peak_is_near_what_info_says() {
    assert_said(&env::var("LAYERLAB_REAL").expect("LAYERLAB_REAL names SmolLM2's folder"));
}

#[test]
#[ignore = "needs LAYERLAB_REAL_GGUF (tests/real/gguf_files.py) and ../shared, on Linux; cargo xtask test --all"]
fn the_peak_of_gguf_files_is_near_what_info_says() {
    let folder = env::var("LAYERLAB_REAL_GGUF");
    let folder =
        folder.expect("LAYERLAB_REAL_GGUF names the folder that tests/real/gguf_files.py makes");
    for name in ["smollm2.gguf", "gemma3.gguf", "qwen.gguf"] {
        assert_said(&format!("{folder}/{name}"));
    }
}
