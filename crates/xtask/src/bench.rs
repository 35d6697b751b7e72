//! Speed beside other programs, in one run.

use std::env;

use crate::{
    command::{built, cargo, command, step, target_dir},
    web,
};

/// Builds everything that is measured and lets `tests/bench/bench.py` measure it, which leaves its figures in `docs`.
///
/// # Errors
/// When a build or the run fails.
pub fn run() -> Result<(), String> {
    web::build()?;
    let work = target_dir().join("bench");
    let build = ["build", "--workspace", "--bins", "--example=speed"];
    step("building", cargo(&build))?;
    let mut candle = cargo(&[
        "build",
        "--release",
        "--manifest-path=tests/bench/candle/Cargo.toml",
    ]);
    candle.env("CARGO_TARGET_DIR", work.join("candle"));
    step("building candle", candle)?;
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
    let candle = work.join("candle/release/candle-speed");
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
