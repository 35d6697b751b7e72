//! The main job: score a model, prune it by every method, and see what each kept.

use crate::command::{built, cargo, command, root, step};

/// Builds the command and runs `layerlab run` with `arguments`; without `--model` or `--text`,
/// on the small model and text that the repository carries.
///
/// # Errors
/// When the build or the run fails.
pub fn run(arguments: &[String]) -> Result<(), String> {
    step(
        "building layerlab",
        cargo(&["build", "--workspace", "--bin=layerlab"]),
    )?;
    let mut job = command(&built("layerlab").to_string_lossy(), &["run"]);
    let here = std::env::current_dir().unwrap_or_else(|_| root());
    let demo = root().join("tests/goldens/demo");
    // The report names the files as they are given: from the root, without the way to the clone.
    let demo = demo.strip_prefix(&here).unwrap_or(&demo);
    let given = |name: &str| {
        let prefix = format!("{name}=");
        arguments
            .iter()
            .any(|argument| argument == name || argument.starts_with(&prefix))
    };
    if !given("--model") {
        job.arg("--model").arg(demo);
    }
    if !given("--text") {
        job.arg("--text").arg(demo.join("text.txt"));
    }
    // Paths are the caller's.
    job.args(arguments).current_dir(here);
    step("layerlab run", job)
}
