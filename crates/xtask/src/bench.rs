//! Speed of scoring beside PyTorch with hooks, in one run.

use crate::command::{built, cargo, command, root, step};

/// Runs both on the same model, text, batch and threads and prints their tokens per second.
///
/// # Errors
/// When the build or either run fails.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let build = ["build", "--workspace", "--all-targets"];
    step("building", cargo(&build))?;
    let example = built("examples/scoring_speed");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    step("layerlab", command(&example.to_string_lossy(), &arguments))?;
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let script = root().join("tests/bench/pytorch_hooks.py");
    let mut peer = command(&python, &[&script.to_string_lossy()]);
    peer.args(&arguments);
    step("PyTorch with hooks", peer)
}
