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
    if !succeeds("apt-get", &["--version"]) {
        return Err(
            "no Vulkan driver is installed; the tests of the GPU path need one \
                    (Mesa's software driver, llvmpipe, will do)"
                .into(),
        );
    }
    let as_root = |arguments: &[&str]| match succeeds("test", &["-w", "/usr/share"]) {
        true => command("apt-get", arguments),
        false => command("sudo", &[&["apt-get"], arguments].concat()),
    };
    step("package lists", as_root(&["update", "-q"]))?;
    let packages = ["install", "-y", "-q", "libvulkan1", "mesa-vulkan-drivers"];
    step("software Vulkan driver", as_root(&packages))
}
