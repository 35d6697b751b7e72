//! The main job: score a model, prune it by every method, and see what each kept; in the terminal, then in the page.

use crate::{
    command::{built, command, root, step},
    web,
};

/// Builds the page and the command, runs `layerlab run` with `arguments` (without any, on the bundled model), then
/// serves the page.
///
/// # Errors
/// When a build or the run fails, or no port can be had.
pub fn run(arguments: &[String]) -> Result<(), String> {
    web::build()?;
    let mut job = command(&built("layerlab").to_string_lossy(), &["run"]);
    // Paths are the caller's.
    job.args(arguments)
        .current_dir(std::env::current_dir().unwrap_or_else(|_| root()));
    step("layerlab run", job)?;
    web::serve()
}
