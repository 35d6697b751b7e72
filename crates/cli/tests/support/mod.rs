#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]
//! Running the command as a user does.

use std::{
    fs,
    path::{self, Path},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

pub fn demo(file: &str) -> String {
    // Cargo runs tests in the package's folder.
    let demo = path::absolute("../../tests/goldens/demo").unwrap();
    demo.join(file).display().to_string()
}

pub fn layerlab(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_layerlab"));
    command.args(arguments).stdin(Stdio::null());
    // Nobody's token, cache or colours.
    for name in ["HF_TOKEN", "HF_ENDPOINT", "HF_HOME", "RUST_LOG"] {
        command.env_remove(name);
    }
    command
}

pub fn run(arguments: &[&str]) -> Output {
    layerlab(arguments).output().unwrap()
}

pub fn stdout(output: &Output) -> String {
    let (out, err) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{:?}: {err}", output.status);
    String::from_utf8(out.clone()).unwrap()
}

/// The exit code and what was said of the failure; nothing may have gone to the standard output.
pub fn failure(output: &Output) -> (i32, String) {
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code().unwrap(), said)
}

pub fn assert_fails(output: &Output, code: i32, parts: &[&str]) {
    let (found, said) = failure(output);
    assert_eq!(found, code, "{said}");
    for part in parts {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The path of a file in a folder.
pub fn file(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

/// What lies in a folder, hidden files included.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}
