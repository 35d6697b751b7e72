//! The main job: score a model, prune it by every method, and see what each kept.

use crate::command::{built, cargo, command, root, step};

/// Builds the command and runs `layerlab run` with `arguments`; without any, on the bundled model.
///
/// # Errors
/// When the build or the run fails.
pub fn run(arguments: &[String]) -> Result<(), String> {
    step(
        "building layerlab",
        cargo(&["build", "--workspace", "--bin=layerlab"]),
    )?;
    let mut job = command(&built("layerlab").to_string_lossy(), &["run"]);
    // Paths are the caller's.
    job.args(arguments)
        .current_dir(std::env::current_dir().unwrap_or_else(|_| root()));
    step("layerlab run", job)
}
