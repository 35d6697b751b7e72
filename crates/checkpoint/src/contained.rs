//! Work of other crates that panics on broken input.

use std::{
    any::Any,
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Runs work of another crate that may panic where its input is broken; what the panic says is the error. In WebAssembly,
/// where a panic ends the program, it ends it here too: what can be checked beforehand has to be.
///
/// # Errors
/// When the work panics.
pub fn contained<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    DEPTH.set(DEPTH.get() + 1);
    // What the work leaves half done is dropped with its error.
    let done = catch_unwind(AssertUnwindSafe(work));
    DEPTH.set(DEPTH.get() - 1);
    done.map_err(|panicked| said(panicked.as_ref()))
}

/// Whether this thread is at such work: a panic is then told as an error, and a program's panic hook need say nothing.
pub fn is_contained() -> bool {
    DEPTH.get() > 0
}

fn said(panicked: &(dyn Any + Send)) -> String {
    let text = panicked.downcast_ref::<&str>().map(|text| (*text).into());
    let text = text.or_else(|| panicked.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "it is corrupt".into())
}
