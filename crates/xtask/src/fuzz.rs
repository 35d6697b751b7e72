//! libFuzzer on what reads files from outside.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    command::{built, cargo, command, root, step, target_dir},
    setup,
};

const PACKAGE: &str = "tests/fuzz";

/// Files of the goldens that are seeds of a target as well.
const GOLDENS: [(&str, &str); 4] = [
    ("config", "config.json"),
    ("index", "model.safetensors.index.json"),
    ("tokenizer", "tokenizer.json"),
    ("tokenizer_config", "tokenizer_config.json"),
];

/// Megabytes beyond which a target is stopped, whatever else it does.
const MEMORY: u32 = 2048;
/// Seconds after which one input counts as endless.
const ENDLESS: u32 = 20;
/// Targets that need Burn.
const DEVICE: [&str; 6] = [
    "recipe",
    "report",
    "shard",
    "harness",
    "training",
    "distillation",
];
/// Says that xtask is to run the compiler.
pub const INSTRUMENTING: &str = "LAYERLAB_INSTRUMENTING";

/// `[--minutes N] [TARGET]`: each target, or one, for so many minutes.
///
/// # Errors
/// When the arguments cannot be understood, something cannot be installed or built, or an input breaks a reader.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (minutes, wanted) = match arguments.as_slice() {
        [] => ("5", None),
        ["--minutes", minutes] => (*minutes, None),
        ["--minutes", minutes, target] | [target, "--minutes", minutes] => {
            (*minutes, Some(*target))
        }
        [target] if !target.starts_with('-') => ("5", Some(*target)),
        _ => return Err("expected [--minutes N] [TARGET]".into()),
    };
    let minutes: f64 = minutes
        .parse()
        .ok()
        .filter(|minutes| (0.0..=1e6).contains(minutes))
        .ok_or_else(|| format!("`{minutes}` is no number of minutes"))?;
    let targets = targets()?;
    let targets = match wanted {
        None => targets,
        Some(wanted) if targets.iter().any(|target| target == wanted) => vec![wanted.to_owned()],
        Some(wanted) => {
            let known = targets.join(", ");
            return Err(format!("no target {wanted}; targets are {known}"));
        }
    };
    each(&targets, (60.0 * minutes).ceil() as u64)
}

/// Every target for a few minutes.
///
/// # Errors
/// As [`run`].
pub fn all(minutes: u64) -> Result<(), String> {
    each(&targets()?, 60 * minutes)
}

fn each(targets: &[String], seconds: u64) -> Result<(), String> {
    setup::cargo_program("cargo-fuzz")?;
    targets.iter().try_for_each(|target| one(target, seconds))
}

/// Those that have seeds: every target must.
fn targets() -> Result<Vec<String>, String> {
    names(&root().join(PACKAGE).join("seeds"))
}

fn one(target: &str, seconds: u64) -> Result<(), String> {
    let package = root().join(PACKAGE);
    let mut fuzz = match DEVICE.contains(&target) {
        true => with_device(target)?,
        false => with_cargo_fuzz(target),
    };
    fuzz.arg(corpus(target)?);
    for folder in ["seeds", "crashes"] {
        let folder = package.join(folder).join(target);
        if folder.is_dir() {
            fuzz.arg(folder);
        }
    }
    if !DEVICE.contains(&target) {
        fuzz.arg("--");
    }
    let dictionary = package.join("dictionaries").join(target);
    if dictionary.is_file() {
        fuzz.arg(format!("-dict={}", dictionary.display()));
    }
    fuzz.args([
        format!("-max_total_time={seconds}"),
        format!("-rss_limit_mb={MEMORY}"),
        format!("-timeout={ENDLESS}"),
        format!("-max_len={}", longest(target)),
        "-print_final_stats=1".into(),
    ]);
    step(&format!("fuzzing {target}"), fuzz).map_err(|failed| {
        format!(
            "{failed}; what broke it lies in {PACKAGE}/artifacts/{target}: mend the reader, and keep the input in \
             {PACKAGE}/crashes/{target}, where the test replays it"
        )
    })
}

/// A target that needs no Burn, with all that it uses instrumented.
fn with_cargo_fuzz(target: &str) -> Command {
    let mut fuzz = cargo(&["fuzz", "run", "--fuzz-dir", PACKAGE]);
    // Rust without `unsafe` has nothing for a sanitizer to find; assertions and overflow it checks by itself.
    fuzz.args(["--sanitizer=none", "--debug-assertions"]);
    fuzz.args(["--no-default-features", "--features=libfuzzer"]);
    fuzz.env("RUSTC_BOOTSTRAP", "1").arg(target);
    fuzz
}

/// A target that needs Burn: only the workspace's own crates are instrumented, so that Burn is not built once more.
fn with_device(target: &str) -> Result<Command, String> {
    let own = env::current_exe().map_err(|error| format!("xtask's own place: {error}"))?;
    let mut build = cargo(&["build", "--workspace", "--features=layerlab-fuzz/libfuzzer"]);
    build.args(["--bin", target]);
    build
        .env("RUSTC_WORKSPACE_WRAPPER", own)
        .env(INSTRUMENTING, "1");
    step(&format!("building {target}"), build)?;
    let artifacts = root().join(PACKAGE).join("artifacts").join(target);
    fs::create_dir_all(&artifacts).map_err(|error| format!("{}: {error}", artifacts.display()))?;
    let mut fuzz = command(&built(target).to_string_lossy(), &[]);
    fuzz.arg(format!("-artifact_prefix={}/", artifacts.display()));
    Ok(fuzz)
}

/// Bytes of an input at most: readers fail at small files as they do at large ones, but a report or a training is never as small.
fn longest(target: &str) -> u32 {
    match DEVICE.contains(&target) {
        true => 1 << 16,
        false => 1 << 12,
    }
}

/// Runs the compiler with coverage, where cargo was told by [`with_device`] to have xtask do it: `arguments` are the compiler and
/// its own.
///
/// # Errors
/// When the compiler cannot be started or fails.
pub fn instrument(arguments: &[String]) -> Result<(), String> {
    let (compiler, rest) = arguments.split_first().ok_or("no compiler is named")?;
    // As cargo-fuzz has it.
    let coverage = [
        "-Cpasses=sancov-module",
        "-Cllvm-args=-sanitizer-coverage-level=4",
        "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
        "-Cllvm-args=-sanitizer-coverage-pc-table",
        "-Cllvm-args=-sanitizer-coverage-trace-compares",
    ];
    let status = Command::new(compiler).args(rest).args(coverage).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{compiler}: {status}")),
        Err(error) => Err(format!("{compiler}: {error}")),
    }
}

/// What earlier runs found interesting, beside the compiled code; begun with the goldens.
fn corpus(target: &str) -> Result<PathBuf, String> {
    let corpus = target_dir().join("fuzz-corpus").join(target);
    let failed = |error: std::io::Error| format!("{}: {error}", corpus.display());
    fs::create_dir_all(&corpus).map_err(failed)?;
    let goldens = root().join("tests/goldens");
    for (_, file) in GOLDENS.iter().filter(|(of, _)| *of == target) {
        for golden in names(&goldens)? {
            let path = goldens.join(&golden).join(file);
            if path.is_file() {
                fs::copy(path, corpus.join(format!("golden_{golden}"))).map_err(failed)?;
            }
        }
    }
    Ok(corpus)
}

/// Names of what lies in a folder, in alphabetical order.
fn names(folder: &Path) -> Result<Vec<String>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(failed)?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<Result<_, _>>().map_err(failed)?;
    names.sort();
    Ok(names)
}
