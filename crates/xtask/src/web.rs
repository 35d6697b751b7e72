//! The page: the lab as WebAssembly, its JavaScript and types, the bundled model, and Vite's bundle of it all.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use crate::{
    command::{built, cargo, command, root, step, target_dir},
    setup,
};

const TARGET: &str = "wasm32-unknown-unknown";
const MODEL_FILES: [&str; 4] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
];

/// Leaves the page in `web/dist`, for any static host.
///
/// # Errors
/// When something that it needs cannot be installed, or a build fails.
pub fn build() -> Result<(), String> {
    setup::wasm_target()?;
    setup::node()?;
    module()?;
    packages()?;
    atlas()?;
    step("types of the page", npm(&["run", "types"]))?;
    step("types check of the page", npm(&["run", "check"]))?;
    step("bundle of the page", npm(&["run", "build"]))
}

/// What the page's sources must be like, besides being right.
///
/// # Errors
/// When they are formatted otherwise, or ESLint finds something.
pub fn lint() -> Result<(), String> {
    step("formatting of the page", npm(&["run", "format:check"]))?;
    step("lints of the page", npm(&["run", "lint"]))
}

/// Serves the built page on this machine until it is stopped.
///
/// # Errors
/// When no port can be had.
pub fn serve() -> Result<(), String> {
    step("serving the page", npm(&["run", "preview"]))
}

/// `npm` in the page's folder.
pub fn npm(arguments: &[&str]) -> Command {
    let mut npm = command("npm", arguments);
    npm.current_dir(root().join("web"));
    npm
}

/// The lab as the compiler leaves it, with names of functions and without bindings.
pub fn compiled_module() -> PathBuf {
    target_dir().join(TARGET).join("web/layerlab_web.wasm")
}

/// The compiled lab, packed as the page unpacks it.
fn module() -> Result<(), String> {
    let build = [
        "build",
        "--profile=web",
        "--target",
        TARGET,
        "--package=layerlab-web",
    ];
    step("the lab as WebAssembly", cargo(&build))?;
    let bindgen = [
        "build",
        "--quiet",
        "--manifest-path=web/bindgen/Cargo.toml",
        "--locked",
    ];
    step("bindgen", cargo(&bindgen))?;
    let generated = root().join("web/src/generated");
    let mut bind = command(&built("layerlab-bindgen").to_string_lossy(), &[]);
    bind.arg(compiled_module()).arg(generated);
    step("bindings and packed modules", bind)
}

/// The page's packages, as its lock file has them.
fn packages() -> Result<(), String> {
    let locked = modified(&root().join("web/package-lock.json"));
    let installed = modified(&root().join("web/node_modules/.package-lock.json"));
    if installed.is_some() && installed >= locked {
        return Ok(());
    }
    step(
        "packages of the page",
        npm(&["ci", "--no-audit", "--no-fund"]),
    )
}

/// The bundled model, and what the command finds out about it, which the page shows until it knows better.
fn atlas() -> Result<(), String> {
    let (from, to) = (
        root().join("crates/atlas/model"),
        root().join("web/public/atlas"),
    );
    fs::create_dir_all(&to).map_err(|error| format!("{}: {error}", to.display()))?;
    for name in MODEL_FILES {
        fs::copy(from.join(name), to.join(name)).map_err(|error| format!("{name}: {error}"))?;
    }
    step(
        "building layerlab",
        cargo(&["build", "--workspace", "--bin=layerlab"]),
    )?;
    let (report, program) = (to.join("report.json"), built("layerlab"));
    if modified(&report) > modified(&program) {
        return Ok(());
    }
    let run = ["run", "--device=cpu", "--json", "--force", "--output"];
    let mut run = command(&program.to_string_lossy(), &run);
    run.arg(&report);
    step("Atlas's report for the page", run)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|entry| entry.modified()).ok()
}
