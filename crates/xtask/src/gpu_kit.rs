//! A folder that measures a machine with a GPU, and needs nothing there but a driver.

use std::{fs, path::Path};

use crate::command::{built, cargo, command, root, step, target_dir};

/// The most that it may weigh.
const LIMIT: u64 = 60_000_000;

/// Builds what is measured and gathers the folder.
///
/// # Errors
/// When a build or a copy fails, or the folder is too large.
pub fn run() -> Result<(), String> {
    let build = ["build", "--workspace", "--bins", "--example=speed"];
    step("building", cargo(&build))?;
    let kit = target_dir().join("gpu-kit");
    let failed = |error: std::io::Error| format!("{}: {error}", kit.display());
    if kit.exists() {
        fs::remove_dir_all(&kit).map_err(failed)?;
    }
    fs::create_dir_all(&kit).map_err(failed)?;
    for (program, name) in [
        (built("layerlab"), "layerlab"),
        (built("examples/speed"), "speed"),
    ] {
        let copy = kit.join(name);
        fs::copy(program, &copy).map_err(failed)?;
        let copy = copy.to_string_lossy();
        step("stripping", command("strip", &[&copy]))?;
        step("packing", command("gzip", &["-9", "--no-name", &copy]))?;
    }
    let root = root();
    for (from, to) in [
        ("tests/kit/run", "run"),
        ("tests/kit/NOTE.md", "NOTE.md"),
        ("tests/bench/pytorch.py", "pytorch.py"),
        ("crates/lab/texts/general.txt", "text.txt"),
        ("LICENSE-APACHE", "LICENSE-APACHE"),
        ("LICENSE-MIT", "LICENSE-MIT"),
    ] {
        fs::copy(root.join(from), kit.join(to)).map_err(|error| format!("{from}: {error}"))?;
    }
    copy_folder(
        &root.join("crates/atlas/model"),
        &kit.join("model"),
        &|_| true,
    )?;
    let is_tokenizer = |name: &str| name.starts_with("tokenizer");
    copy_folder(
        &root.join("tests/goldens/demo"),
        &kit.join("tokenizer"),
        &is_tokenizer,
    )?;
    for entry in fs::read_dir(root.join("tests/goldens")).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let (true, Some(name)) = (path.join("golden.safetensors").exists(), path.file_name()) {
            copy_folder(&path, &kit.join("goldens").join(name), &|_| true)?;
        }
    }
    let bytes = size(&kit).map_err(failed)?;
    println!("{}: {:.1} MB", kit.display(), bytes as f64 / 1e6);
    match bytes <= LIMIT {
        true => Ok(()),
        false => Err(format!("the kit has {bytes} bytes, more than {LIMIT}")),
    }
}

/// Copies the files of a folder whose names are wanted.
fn copy_folder(from: &Path, to: &Path, is_wanted: &dyn Fn(&str) -> bool) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", from.display());
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if entry.path().is_file() && is_wanted(&name.to_string_lossy()) {
            fs::copy(entry.path(), to.join(name)).map_err(failed)?;
        }
    }
    Ok(())
}

/// Bytes of all files of a folder.
fn size(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        bytes += match path.is_dir() {
            true => size(&path)?,
            false => fs::metadata(&path)?.len(),
        };
    }
    Ok(bytes)
}
