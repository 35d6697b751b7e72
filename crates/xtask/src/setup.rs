//! What a fresh machine lacks.

use std::path::Path;

use crate::command::{command, step, succeeds};

const WASM: &str = "wasm32-unknown-unknown";

/// Adds the wasm target to the toolchain.
///
/// # Errors
/// When rustup fails.
pub fn wasm_target() -> Result<(), String> {
    let installed = command("rustup", &["target", "list", "--installed"])
        .output()
        .map_err(|error| format!("rustup: {error}"))?;
    let installed = String::from_utf8_lossy(&installed.stdout);
    if installed.lines().any(|target| target == WASM) {
        return Ok(());
    }
    step("wasm target", command("rustup", &["target", "add", WASM]))
}

/// Makes sure that there is a Vulkan driver: Mesa's software one where there is no GPU.
///
/// # Errors
/// When no driver is found and it cannot be installed.
pub fn vulkan_driver() -> Result<(), String> {
    let folders = [
        "/usr/share/vulkan/icd.d",
        "/etc/vulkan/icd.d",
        "/usr/local/share/vulkan/icd.d",
    ];
    let has_driver = folders.iter().any(|folder| {
        Path::new(folder)
            .read_dir()
            .is_ok_and(|mut entries| entries.next().is_some())
    });
    if has_driver {
        return Ok(());
    }
    let packages = ["libvulkan1", "mesa-vulkan-drivers"];
    install(
        "a Vulkan driver (Mesa's software one, llvmpipe, will do)",
        &packages,
    )
}

/// Makes sure that there are node and npm, which build the page.
///
/// # Errors
/// When they are not found and cannot be installed.
pub fn node() -> Result<(), String> {
    if succeeds("npm", &["--version"]) && succeeds("node", &["--version"]) {
        return Ok(());
    }
    install("node and npm", &["nodejs", "npm"])
}

/// Makes sure that there is a Chromium to test the page in.
///
/// # Errors
/// When none is found and it cannot be installed.
pub fn chromium() -> Result<(), String> {
    let given = std::env::var_os("LAYERLAB_CHROMIUM").is_some();
    if given || succeeds("chromium", &["--version"]) {
        return Ok(());
    }
    install(
        "Chromium (or another's place in LAYERLAB_CHROMIUM)",
        &["chromium"],
    )
}

/// Installs Debian's packages.
fn install(what: &str, packages: &[&str]) -> Result<(), String> {
    if !succeeds("apt-get", &["--version"]) {
        return Err(format!("{what} is needed and not installed"));
    }
    let as_root = |arguments: &[&str]| match succeeds("test", &["-w", "/usr/share"]) {
        true => command("apt-get", arguments),
        false => command("sudo", &[&["apt-get"], arguments].concat()),
    };
    step("package lists", as_root(&["update", "-q"]))?;
    step(
        what,
        as_root(&[&["install", "-y", "-q"], packages].concat()),
    )
}
