//! What is handed out: a wheel for Python, the page for a static host, the command by itself.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    command::{built, cargo, command, root, step, target_dir},
    setup, web,
};

/// Builds all three, and says their sizes.
///
/// # Errors
/// When a build fails, or a file cannot be written.
pub fn run() -> Result<(), String> {
    let folder = fresh("package")?;
    let python = setup::wheel_builder()?;
    let mut made = vec![wheel_with(&python, &folder)?];
    web::build()?;
    let page = folder.join("layerlab-page.zip");
    let zip = ["-m", "zipfile", "--create", &text(&page), "web/dist/."];
    step("the page as an archive", command(&text(&python), &zip))?;
    made.push(page);
    let program = folder.join("layerlab");
    fs::copy(built("layerlab"), &program).map_err(|error| format!("layerlab: {error}"))?;
    step("stripping", command("strip", &[&text(&program)]))?;
    let archive = folder.join("layerlab.tar.gz");
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        fs::copy(root().join(licence), folder.join(licence))
            .map_err(|error| format!("{licence}: {error}"))?;
    }
    let mut pack = command("tar", &["--create", "--gzip", "--file", &text(&archive)]);
    pack.arg("--directory").arg(&folder);
    pack.args(["layerlab", "LICENSE-APACHE", "LICENSE-MIT"]);
    step("the command as an archive", pack)?;
    made.push(archive);
    for path in made {
        let bytes = fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{}: {:.1} MB", path.display(), bytes.len() as f64 / 1e6);
    }
    Ok(())
}

/// The tests of the Python package, against a wheel that is installed as a user would.
///
/// # Errors
/// When the wheel cannot be built or installed, or a test fails.
pub fn test(python: &Path) -> Result<(), String> {
    let builder = setup::wheel_builder()?;
    let wheel = wheel_with(&builder, &fresh("wheel")?)?;
    let python = setup::wheel_tester(python)?;
    let python = text(&python);
    // Of the same version as the one that was there before, perhaps.
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--force-reinstall",
    ];
    step(
        "the wheel",
        command(&python, &[&install[..], &[&text(&wheel)]].concat()),
    )?;
    let mut tests = Command::new(python);
    tests.args(["-m", "pytest", "--quiet"]);
    tests.current_dir(root().join("crates/python"));
    step("tests of the Python package", tests)
}

/// The wheel, by maturin, with the command as it is built for the tests.
fn wheel_with(python: &Path, folder: &Path) -> Result<PathBuf, String> {
    // The features of the workspace, so that nothing is compiled twice.
    step("building", cargo(&["build", "--workspace", "--bins"]))?;
    let mut maturin = Command::new(python);
    maturin.args([
        "-m",
        "maturin",
        "build",
        "--profile=dev",
        "--strip",
        "--out",
    ]);
    maturin.arg(folder);
    maturin.current_dir(root().join("crates/python"));
    maturin.env("CARGO_TARGET_DIR", target_dir());
    step("the wheel, by maturin", maturin)?;
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            return Ok(path);
        }
    }
    Err(format!("maturin left no wheel in {}", folder.display()))
}

/// An empty folder among compiled code.
fn fresh(name: &str) -> Result<PathBuf, String> {
    let folder = target_dir().join(name);
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed)?;
    }
    fs::create_dir_all(&folder).map_err(failed)?;
    Ok(folder)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
