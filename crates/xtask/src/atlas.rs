//! The bundled model: its texts, and its training.

use crate::command::{built, cargo, command, root, step};

/// Builds `layerlab-atlas` and runs it with `arguments`.
///
/// # Errors
/// When the build or the run fails.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let build = ["build", "--workspace", "--bin=layerlab-atlas"];
    step("building layerlab-atlas", cargo(&build))?;
    let mut atlas = command(&built("layerlab-atlas").to_string_lossy(), &[]);
    // Paths are the caller's.
    atlas
        .args(arguments)
        .current_dir(std::env::current_dir().unwrap_or_else(|_| root()));
    step("layerlab-atlas", atlas)
}
