//! Mutants: small changes of the code, each of which some test must notice.

use std::fs;

use crate::{
    command::{cargo, step, target_dir},
    setup,
};

/// What has no device, so that a mutant is built and tested in seconds; and what of `eval` has none.
const PACKAGES: [&str; 5] = ["stats", "score", "data", "checkpoint", "eval"];

/// Makes the mutants of some packages, or of all that have no device. Where each one lies that was not noticed is said at the end:
/// `docs/mutants.md` explains those that cannot be.
///
/// # Errors
/// When something cannot be installed, or a mutant was not noticed.
pub fn run(packages: &[String]) -> Result<(), String> {
    let given: Vec<&str> = packages.iter().map(String::as_str).collect();
    let packages = if given.is_empty() {
        PACKAGES.to_vec()
    } else {
        given
    };
    setup::cargo_program("cargo-mutants")?;
    let mut unnoticed = Vec::new();
    for package in packages {
        let found = target_dir().join("mutants-found").join(package);
        fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
        let mut mutants = cargo(&["mutants", "--package", &format!("layerlab-{package}")]);
        if package == "eval" {
            // What asks a model is tested by the crates above.
            mutants.args(["--file", "crates/eval/src/metric/**"]);
        }
        mutants.arg("--output").arg(&found);
        if let Err(failed) = step(&format!("mutants of {package}"), mutants) {
            let list = found.join("mutants.out/missed.txt");
            unnoticed.push(format!("{failed}; see {}", list.display()));
        }
    }
    match unnoticed.is_empty() {
        true => Ok(()),
        false => Err(unnoticed.join("\n")),
    }
}
