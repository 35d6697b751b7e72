//! Letting the host do something else in the middle of long work.

/// In a browser, lets the event loop handle what has come in (a wish to cancel, above all) if it had no chance
/// to for a while: a worker that computes hears nothing. Natively another thread listens, and this does
/// nothing.
#[cfg(not(target_arch = "wasm32"))]
pub async fn yield_now() {}

#[cfg(target_arch = "wasm32")]
pub use browser::yield_now;

#[cfg(target_arch = "wasm32")]
mod browser {
    use std::{cell::Cell, time::Duration};

    use js_sys::{Function, Promise};
    use wasm_bindgen::prelude::wasm_bindgen;
    use wasm_bindgen_futures::JsFuture;
    use web_time::Instant;

    /// Short enough that a cancel button feels immediate; a timer costs up to 4 ms.
    const APART: Duration = Duration::from_millis(50);

    thread_local! {
        static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
    }

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_name = setTimeout)]
        fn set_timeout(callback: &Function, milliseconds: i32);
    }

    /// Lets the event loop handle what has come in, if it had no chance to for a while.
    pub async fn yield_now() {
        let now = Instant::now();
        let recent = |last: Instant| now.duration_since(last) < APART;
        if LAST.get().is_some_and(recent) {
            return;
        }
        let timer = Promise::new(&mut |resolve, _| set_timeout(&resolve, 0));
        // A timer does not fail; if it did, there would be nothing to wait for.
        let _ = JsFuture::from(timer).await;
        LAST.set(Some(Instant::now()));
    }
}
