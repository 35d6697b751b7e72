//! Errors of the GPU. In a browser they are only logged, so the log is listened to: what was computed after one cannot
//! be trusted.

use std::cell::RefCell;

use log::{LevelFilter, Log, Metadata, Record};
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    static FIRST: RefCell<Option<String>> = const { RefCell::new(None) };
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
        FIRST.with_borrow_mut(|first| {
            first.get_or_insert(message);
        });
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

/// The first error since the worker started; later ones follow from it.
pub(crate) fn first() -> Option<String> {
    FIRST.with_borrow(Clone::clone)
}
