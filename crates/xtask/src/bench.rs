//! Speed beside other programs, in one run.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::{
    command::{built, cargo, command, root, step, target_dir},
    setup, web,
};

/// llama.cpp as a package.
const LLAMA: &str = "node-llama-cpp@3.21.1";

/// Builds everything that is measured and lets `tests/bench/bench.py` measure it, which leaves its figures in `docs`.
///
/// # Errors
/// When a build or the run fails.
pub fn run() -> Result<(), String> {
    web::build()?;
    let work = target_dir().join("bench");
    let candle = programs(&work)?;
    let named = work.join("named");
    let mut names = command(&built("layerlab-bindgen").to_string_lossy(), &["--names"]);
    names.arg(web::compiled_module()).arg(&named);
    step("the lab as WebAssembly, with names", names)?;
    let texts = work.join("texts");
    let mut write = command(&built("layerlab-atlas").to_string_lossy(), &["write"]);
    write.arg("--output").arg(&texts);
    step("Atlas's texts", write)?;
    let python = env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let mut bench = command(&python, &["tests/bench/bench.py"]);
    for (name, path) in [
        ("--speed", &built("examples/speed")),
        ("--candle", &candle),
        ("--layerlab", &built("layerlab")),
        ("--named", &named),
        ("--work", &work),
        ("--texts", &texts),
    ] {
        bench.arg(name).arg(path);
    }
    step("benchmarks", bench)
}

/// The same on models that somebody else made, which are fetched: `tests/bench/real.py`.
///
/// # Errors
/// When a model cannot be had, a build or the run fails.
pub fn real() -> Result<(), String> {
    let work = target_dir().join("bench");
    let candle = programs(&work)?;
    let python = env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let smollm2 = setup::real_model(Path::new(&python))?;
    let gguf = setup::real_gguf(Path::new(&python))?;
    let llama = work.join("llama");
    fs::create_dir_all(&llama).map_err(|error| format!("{}: {error}", llama.display()))?;
    fs::write(llama.join("package.json"), "{}").map_err(|error| error.to_string())?;
    let install = [
        "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        LLAMA,
    ];
    let mut install = command("npm", &install);
    install.current_dir(&llama);
    step("llama.cpp", install)?;
    let mut bench = command(&python, &["tests/bench/real.py"]);
    bench.env("NODE_LLAMA", &llama);
    for (name, path) in [
        ("--speed", built("examples/speed").as_os_str()),
        ("--candle", candle.as_os_str()),
        ("--layerlab", built("layerlab").as_os_str()),
        ("--smollm2", smollm2.as_ref()),
        ("--gguf", gguf.as_ref()),
        (
            "--text",
            root().join("crates/lab/texts/general.txt").as_os_str(),
        ),
    ] {
        bench.arg(name).arg(path);
    }
    step("benchmarks on real models", bench)
}

/// Builds what is measured of ours, and candle, whose path it gives.
fn programs(work: &Path) -> Result<PathBuf, String> {
    let build = ["build", "--workspace", "--bins", "--example=speed"];
    step("building", cargo(&build))?;
    let mut candle = cargo(&[
        "build",
        "--release",
        "--manifest-path=tests/bench/candle/Cargo.toml",
    ]);
    candle.env("CARGO_TARGET_DIR", work.join("candle"));
    step("building candle", candle)?;
    Ok(work.join("candle/release/candle-speed"))
}
