//! Errors of the GPU. In a browser they are only logged, so the log is listened to: what was computed after one cannot
//! be trusted. What other crates log, and what the GPU's say while the CPU computes, is shown in the console alone.

use std::cell::{Cell, RefCell};

use log::{LevelFilter, Log, Metadata, Record};
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    static FIRST: RefCell<Option<String>> = const { RefCell::new(None) };
    static COMPUTES: Cell<bool> = const { Cell::new(true) };
}

/// The crates between Burn and the browser's WebGPU; targets begin with their names.
const CRATES: [&str; 5] = ["wgpu", "naga", "cubecl", "burn_wgpu", "burn_cubecl"];

/// Whether a log's target, a crate's name with modules or an underscore behind it, is one of the GPU's.
fn is_of_the_gpu(target: &str) -> bool {
    CRATES.iter().any(|name| {
        let rest = target.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', ':', '-']))
    })
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(message: &str);
}

struct Listener;

impl Log for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Error
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let message = record.args().to_string();
        console_error(&message);
        if is_of_the_gpu(record.target()) {
            FIRST.with_borrow_mut(|first| {
                first.get_or_insert(message);
            });
        }
    }

    fn flush(&self) {}
}

/// Listens from now on.
pub(crate) fn listen() {
    // A second session of the same worker finds the listener there already.
    if log::set_logger(&Listener).is_ok() {
        log::set_max_level(LevelFilter::Error);
    }
}

/// Tells whether it is a GPU that computes from now on. Until then, an error counts: one may be opened.
pub(crate) fn computes_on_gpu(is_gpu: bool) {
    COMPUTES.set(is_gpu);
}

/// The first error of the GPU that computes since the worker started; later ones follow from it.
pub(crate) fn first() -> Option<String> {
    FIRST.with_borrow(|first| first.clone().filter(|_| COMPUTES.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_gpus_crates_speak_for_it() {
        for target in [
            "wgpu",
            "wgpu_core::device",
            "wgpu::backend::webgpu",
            "naga::back::wgsl",
            "cubecl_wgpu::compute",
        ] {
            assert!(is_of_the_gpu(target), "{target}");
        }
        for target in [
            "",
            "tokenizers::utils",
            "layerlab_lab",
            "wgpus",
            "my_wgpu",
            "web_sys",
        ] {
            assert!(!is_of_the_gpu(target), "{target}");
        }
    }
}
