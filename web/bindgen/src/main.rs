//! `layerlab-bindgen MODULE FOLDER`: from the compiled wasm to the module, its JavaScript and its types.

use std::{env, process::ExitCode};

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [module, folder] = arguments.as_slice() else {
        eprintln!("layerlab-bindgen MODULE FOLDER");
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .typescript(true)
        .omit_default_module_path(true);
    // Names of functions are half of the module; a panic says where it happened without them.
    bindgen
        .remove_name_section(true)
        .remove_producers_section(true);
    let generated = bindgen
        .web(true)
        .and_then(|bindgen| bindgen.generate(folder));
    match generated {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("layerlab-bindgen: {error:?}");
            ExitCode::FAILURE
        }
    }
}
