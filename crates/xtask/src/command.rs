//! Running other programs from the workspace root.

use std::{env, path::PathBuf, process::Command, time::Instant};

/// The workspace root, as cargo tells it at run time: the target folder is shared, so a path compiled in
/// could be that of another clone.
pub fn root() -> PathBuf {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    here.ancestors().nth(2).unwrap_or(&here).to_path_buf()
}

/// Where compiled code goes: `$CARGO_TARGET_DIR`, else a cache under the home directory, so that a
/// fresh clone finds the dependencies that an older one compiled.
pub fn target_dir() -> PathBuf {
    let given = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let cached = || Some(PathBuf::from(env::var_os("HOME")?).join(".cache/layerlab/target"));
    given
        .or_else(cached)
        .unwrap_or_else(|| root().join("target"))
}

/// Where a dev-profile program or example of the workspace lies once built.
pub fn built(name: &str) -> PathBuf {
    target_dir().join("debug").join(name)
}

/// `cargo` in the workspace root with the shared target folder.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = command(env::var("CARGO").as_deref().unwrap_or("cargo"), arguments);
    cargo.env("CARGO_TARGET_DIR", target_dir());
    cargo
}

/// A program in the workspace root.
pub fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Runs to the end, announcing the step and its time on stderr.
///
/// # Errors
/// When the program cannot be started or fails.
pub fn step(name: &str, mut command: Command) -> Result<(), String> {
    eprintln!("== {name}");
    let start = Instant::now();
    let status = command
        .status()
        .map_err(|error| format!("{name}: cannot start {:?}: {error}", command.get_program()))?;
    eprintln!("== {name}: {:.0} s", start.elapsed().as_secs_f64());
    match status.success() {
        true => Ok(()),
        false => Err(format!("{name}: {status}")),
    }
}

/// Whether a program runs and succeeds, its output hidden.
pub fn succeeds(program: &str, arguments: &[&str]) -> bool {
    command(program, arguments)
        .output()
        .is_ok_and(|output| output.status.success())
}
