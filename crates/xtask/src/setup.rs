//! What a fresh machine lacks.

use std::{
    env, fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use crate::command::{cargo, command, root, step, succeeds, target_dir};

const WASM: &str = "wasm32-unknown-unknown";
/// The oldest node that Vite, which bundles the page, runs on.
const NODE: (u32, u32) = (20, 19);

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

/// Makes sure that there are node and npm, which build the page, and that node is not too old for it.
///
/// # Errors
/// When they are not found and cannot be installed, or node is too old.
pub fn node() -> Result<(), String> {
    if !succeeds("npm", &["--version"]) || !succeeds("node", &["--version"]) {
        install("node and npm", &["nodejs", "npm"])?;
    }
    let said = command("node", &["--version"])
        .output()
        .map_err(|error| format!("node: {error}"))?;
    let said = String::from_utf8_lossy(&said.stdout);
    match version(said.trim()) {
        Some(found) if found < NODE => Err(format!(
            "the page needs node {}.{} or newer, and {} is installed",
            NODE.0,
            NODE.1,
            said.trim()
        )),
        // A node that does not tell its version may do.
        _ => Ok(()),
    }
}

/// Major and minor of `v20.19.1`.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.strip_prefix('v')?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Makes sure that there is a Chromium to test the page in.
///
/// # Errors
/// When none is found and it cannot be installed.
pub fn chromium() -> Result<(), String> {
    let given = env::var_os("LAYERLAB_CHROMIUM").is_some();
    if given || succeeds("chromium", &["--version"]) {
        return Ok(());
    }
    install(
        "Chromium (or another's place in LAYERLAB_CHROMIUM)",
        &["chromium"],
    )
}

/// Makes sure that there is a Firefox, the second engine that the page is tested in.
///
/// # Errors
/// When none is found and it cannot be installed.
pub fn firefox() -> Result<(), String> {
    let given = env::var_os("LAYERLAB_FIREFOX").is_some();
    let is_there = |name| succeeds(name, &["--version"]);
    if given || is_there("firefox-esr") || is_there("firefox") {
        return Ok(());
    }
    install(
        "Firefox (or another's place in LAYERLAB_FIREFOX)",
        &["firefox-esr"],
    )
}

/// Makes sure that there is a subcommand of cargo, such as `cargo-fuzz`.
///
/// # Errors
/// When it is not found and cannot be installed.
pub fn cargo_program(name: &str) -> Result<(), String> {
    let subcommand = name.trim_start_matches("cargo-");
    let is_there = cargo(&[subcommand, "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if is_there {
        return Ok(());
    }
    step(
        &format!("{name}, by `cargo install --locked {name}`"),
        cargo(&["install", "--locked", name]),
    )
}

/// Makes sure that there is a Python with what goldens and real models are made by, in a folder of its own beside the compiled
/// code, and gives its place. `LAYERLAB_PYTHON` names another.
///
/// # Errors
/// When there is no Python, or its packages cannot be installed.
pub fn python() -> Result<PathBuf, String> {
    if let Some(given) = env::var_os("LAYERLAB_PYTHON") {
        return Ok(given.into());
    }
    let folder = target_dir().join("python");
    let python = folder.join("bin/python");
    let lists = [
        "tests/goldens/requirements.txt",
        "tests/real/requirements.txt",
    ];
    let mut wanted = String::new();
    for list in lists.map(|list| root().join(list)) {
        wanted += &fs::read_to_string(&list).map_err(at(&list))?;
    }
    // What was installed, written when all of it was.
    let installed = folder.join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let place = folder.to_string_lossy();
    step(
        "a Python environment for the tests",
        command("python3", &["-m", "venv", "--clear", &place]),
    )?;
    let mut install = command(
        &python.to_string_lossy(),
        &["-m", "pip", "install", "--quiet"],
    );
    for list in lists {
        install.args(["--requirement", list]);
    }
    step("PyTorch, transformers and more, by pip", install)?;
    fs::write(&installed, wanted).map_err(at(&installed))?;
    Ok(python)
}

/// Makes sure that there is a Python that builds wheels, in a folder of its own, and gives its place.
///
/// # Errors
/// When there is no Python, or maturin cannot be installed.
pub fn wheel_builder() -> Result<PathBuf, String> {
    environment("python-builder", &["maturin>=1.7,<2"], None)
}

/// Makes sure that there is a Python with all that the tests of the Python package need, and gives its place. What `beside` has, PyTorch
/// for one, is not installed again.
///
/// # Errors
/// When it cannot be made, or its packages cannot be installed.
pub fn wheel_tester(beside: &Path) -> Result<PathBuf, String> {
    const PACKAGES: [&str; 13] = [
        "ipykernel",
        "matplotlib>=3.6",
        "mypy",
        "nbclient",
        "nbformat",
        "pandas>=2",
        "pandas-stubs",
        "pytest",
        "pyyaml>=6",
        "ray>=2.9",
        "tqdm>=4.64",
        "types-PyYAML",
        "types-tqdm",
    ];
    environment("python-wheel", &PACKAGES, Some(beside))
}

/// A Python environment of some packages among compiled code, which sees the packages of another as well where that is given.
fn environment(name: &str, packages: &[&str], beside: Option<&Path>) -> Result<PathBuf, String> {
    let folder = target_dir().join(name);
    let python = folder.join("bin/python");
    // What was installed, written when all of it was.
    let installed = folder.join("requirements.txt");
    let place_of = |python: &Path| {
        let asked = "import sysconfig; print(sysconfig.get_path('purelib'))";
        let said = command(&python.to_string_lossy(), &["-c", asked]).output();
        let said = said.map_err(|error| format!("{}: {error}", python.display()))?;
        Ok::<_, String>(String::from_utf8_lossy(&said.stdout).trim().to_owned())
    };
    let others = beside.map(place_of).transpose()?;
    let wanted = format!(
        "{}\n{}\n",
        packages.join("\n"),
        others.as_deref().unwrap_or_default()
    );
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let maker = beside.map_or("python3".into(), Path::to_string_lossy);
    let place = folder.to_string_lossy();
    step(
        "a Python environment",
        command(&maker, &["-m", "venv", "--clear", &place]),
    )?;
    if let Some(others) = others {
        let own = PathBuf::from(place_of(&python)?).join("beside.pth");
        fs::write(&own, others).map_err(at(&own))?;
    }
    let install = ["-m", "pip", "install", "--quiet"];
    let install = [&install[..], packages].concat();
    step(
        "its packages, by pip",
        command(&python.to_string_lossy(), &install),
    )?;
    fs::write(&installed, wanted).map_err(at(&installed))?;
    Ok(python)
}

/// Makes sure that there is a model from elsewhere, SmolLM2, and gives its place. `LAYERLAB_REAL` names another folder of it.
///
/// # Errors
/// When it cannot be made.
pub fn real_model(python: &Path) -> Result<PathBuf, String> {
    if let Some(given) = env::var_os("LAYERLAB_REAL") {
        return Ok(given.into());
    }
    let folder = target_dir().join("smollm2");
    if folder.exists() {
        return Ok(folder);
    }
    // Put in its place when it is whole.
    let fresh = folder.with_extension("new");
    let mut make = command(&python.to_string_lossy(), &["tests/real/smollm2.py"]);
    make.arg(&fresh);
    step("SmolLM2 as a folder of Hugging Face's kind", make)?;
    fs::rename(&fresh, &folder).map_err(at(&folder))?;
    Ok(folder)
}

/// Makes sure that there are GGUF files from elsewhere, and gives the folder. `LAYERLAB_REAL_GGUF` names another folder of
/// them.
///
/// # Errors
/// When they cannot be had.
pub fn real_gguf(python: &Path) -> Result<PathBuf, String> {
    if let Some(given) = env::var_os("LAYERLAB_REAL_GGUF") {
        return Ok(given.into());
    }
    // What is there already stays, each file put in its place when it is whole.
    let folder = target_dir().join("real_gguf");
    let mut make = command(&python.to_string_lossy(), &["tests/real/gguf_files.py"]);
    make.arg(&folder);
    step("GGUF files that others made", make)?;
    Ok(folder)
}

/// An error with the place that it happened at.
fn at(path: &Path) -> impl Fn(io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}

/// Installs Debian's packages.
fn install(what: &str, packages: &[&str]) -> Result<(), String> {
    if !succeeds("apt-get", &["--version"]) {
        return Err(format!("{what} is needed and not installed"));
    }
    let is_root = succeeds("test", &["-w", "/usr/share"]);
    if !is_root && !agreed(what, packages)? {
        return Err(format!(
            "{what} is needed and not installed; Debian's packages are {}",
            packages.join(", ")
        ));
    }
    let as_root = |arguments: &[&str]| match is_root {
        true => command("apt-get", arguments),
        false => command("sudo", &[&["apt-get"], arguments].concat()),
    };
    step("package lists", as_root(&["update", "-q"]))?;
    step(
        what,
        as_root(&[&["install", "-y", "-q"], packages].concat()),
    )
}

/// Asks on a terminal whether `sudo` may install; elsewhere nobody can answer, and nothing is installed but on the machines of
/// continuous integration, which say so by `$CI`.
fn agreed(what: &str, packages: &[&str]) -> Result<bool, String> {
    if env::var_os("CI").is_some() {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    let packages = packages.join(" ");
    eprint!("{what}: install by `sudo apt-get install {packages}`? [y/N] ");
    let mut answer = String::new();
    io::stderr()
        .flush()
        .and_then(|()| io::stdin().read_line(&mut answer))
        .map_err(|error| format!("the answer cannot be read: {error}"))?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_compared_as_numbers() {
        assert!(version("v20.9.0") < Some(NODE));
        assert!(version("v20.19.0") >= Some(NODE));
        assert!(version("v22.1.0") >= Some(NODE));
        assert_eq!(version("nonsense"), None);
    }
}
