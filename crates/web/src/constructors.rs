//! What must happen before anything else.

use wasm_bindgen::prelude::wasm_bindgen;

#[allow(unsafe_code, reason = "its type is that of the linker's function")]
unsafe extern "C" {
    /// Runs the constructors of `inventory`, which CubeCL registers its operations with.
    fn __wasm_call_ctors();
}

/// Runs constructors, once: the linker has every single export run them again in a module that does not call them
/// itself, which took most of the time wherever many values cross the border.
#[wasm_bindgen(start)]
#[allow(
    unsafe_code,
    reason = "the linker's own function can be called in no other way"
)]
pub fn run_constructors() {
    // SAFETY: the linker defines it, it takes nothing, and the module has run no other code yet.
    unsafe { __wasm_call_ctors() }
}
