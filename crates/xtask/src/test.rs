//! Everything that must hold before a change lands.

use crate::{
    command::{built, cargo, command, step},
    setup, web,
};

/// Sets up, then runs all checks, cheapest first.
///
/// # Errors
/// At the first that fails.
pub fn run() -> Result<(), String> {
    step("formatting", cargo(&["fmt", "--all", "--check"]))?;
    setup::wasm_target()?;
    setup::vulkan_driver()?;
    let lints = ["--", "--deny", "warnings"];
    let everything = ["clippy", "--workspace", "--all-targets"];
    step("lints", cargo(&[&everything[..], &lints].concat()))?;
    let wasm = [
        "clippy",
        "--package=layerlab-web",
        "--target=wasm32-unknown-unknown",
    ];
    step("lints of WebAssembly", cargo(&[&wasm[..], &lints].concat()))?;
    let mut tests = cargo(&["test", "--workspace", "--all-targets"]);
    // Mesa complains on every start without one.
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        tests.env("XDG_RUNTIME_DIR", std::env::temp_dir());
    }
    step("tests", tests)?;
    // Last, since it builds the lab once more, as WebAssembly.
    web::build()?;
    setup::chromium()?;
    let mut page = command("node", &["--test", "--test-concurrency=1", "tests/page/"]);
    page.env("LAYERLAB", built("layerlab"));
    step("tests of the page", page)
}
