//! `layerlab-bindgen [--names] MODULE FOLDER`: from the compiled wasm to the module, its JavaScript and its types, and
//! the same module for engines that fuse multiplication and addition. The JavaScript serves both. Modules are packed, or,
//! for profiles, have names of functions.

mod fuse;
mod pack;

use std::{env, fs, path::Path, process::ExitCode};

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let written = match arguments.as_slice() {
        ["--names", module, folder] => write(module, folder, true),
        [module, folder] => write(module, folder, false),
        _ => {
            eprintln!("layerlab-bindgen [--names] MODULE FOLDER");
            return ExitCode::from(2);
        }
    };
    match written {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("layerlab-bindgen: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes all files; gives what was done to the modules, in words.
fn write(module: &str, folder: &str, has_names: bool) -> Result<String, String> {
    let mut bindgen = Bindgen::new();
    // Names of functions are half of the module; a panic says where it happened without them.
    bindgen
        .input_path(module)
        .typescript(true)
        .omit_default_module_path(true)
        .remove_name_section(!has_names)
        .remove_producers_section(true);
    let mut output = bindgen
        .web(true)
        .and_then(Bindgen::generate_output)
        .map_err(|error| format!("{module}: {error:#}"))?;
    output
        .emit(folder)
        .map_err(|error| format!("{folder}: {error:#}"))?;
    // Names are left out only of what is written, so they are there to fuse by.
    let module = output.wasm_mut();
    let fused = fuse::fuse(module)?;
    let folder = Path::new(folder);
    let path = folder.join("layerlab_web_fused.wasm");
    fs::write(&path, module.emit_wasm()).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut said = format!("{fused} multiplications fused with additions");
    if !has_names {
        for (name, packed_name) in [
            ("layerlab_web_bg.wasm", "layerlab_web.wasm.packed"),
            ("layerlab_web_fused.wasm", "layerlab_web_fused.wasm.packed"),
        ] {
            let [length, packed] = pack::pack(folder, name, packed_name)?;
            said += &format!("\n{packed_name}: {length} bytes, packed {packed}");
        }
    }
    Ok(said)
}
