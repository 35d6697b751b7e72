//! What a minute's loop needs: layout, lints, and the tests that need no device.

use std::{fs, path::Path};

use crate::{
    command::{cargo, root, step},
    web,
};

/// Crates whose tests load no model and open no device.
const LIGHT: [&str; 5] = ["stats", "score", "stored", "data", "checkpoint"];

/// Under a minute once everything has been built.
///
/// # Errors
/// At the first that fails.
pub fn run() -> Result<(), String> {
    step("formatting", cargo(&["fmt", "--all", "--check"]))?;
    let lints = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ];
    step("lints", cargo(&lints))?;
    // By their names out of the whole workspace: another choice of packages would build what they share once more.
    let mut tests = cargo(&["test", "--workspace"]);
    for package in LIGHT {
        for name in test_names(&root().join("crates").join(package).join("tests"))? {
            tests.args(["--test", &name]);
        }
    }
    step("tests without a device", tests)?;
    match root().join("web/node_modules").is_dir() {
        true => web::lint(),
        // Whoever has not built the page yet has not changed it.
        false => Ok(()),
    }
}

fn test_names(folder: &Path) -> Result<Vec<String>, String> {
    let failed = |error| format!("{}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str());
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(name.map(ToOwned::to_owned));
        }
    }
    Ok(names)
}
