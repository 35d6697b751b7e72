//! Other workers of the page that hold the same model, each with a session of its own.

use js_sys::Uint8Array;
use layerlab_lab::Unanswered;
use wasm_bindgen::{
    JsCast,
    prelude::{JsValue, wasm_bindgen},
};

use crate::{
    border::from_page,
    types::{Failure, FailureKind},
};

#[wasm_bindgen(typescript_custom_section)]
const HELPERS: &str = r#"
/** Other workers that hold the same model, and do shares of the work by `Session.share`. */
export interface Helpers {
    /** How many there are. */
    readonly count: number;
    /** Has one of them do a share of a call, as soon as one is free. Throws a `Failure`. */
    share(call: number, share: Uint8Array): Promise<Uint8Array>;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The page's side.
    #[wasm_bindgen(typescript_type = "Helpers")]
    pub type Helpers;

    #[wasm_bindgen(method, getter)]
    pub fn count(this: &Helpers) -> usize;

    #[wasm_bindgen(method, catch)]
    async fn share(this: &Helpers, call: u32, share: Uint8Array) -> Result<JsValue, JsValue>;
}

impl std::fmt::Debug for Helpers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Helpers").field(&self.count()).finish()
    }
}

impl Helpers {
    /// What one of them makes of a share of a call's work.
    pub(crate) async fn answer(&self, call: u32, share: Uint8Array) -> Result<Vec<u8>, Unanswered> {
        let answer = self.share(call, share).await;
        let bytes: Result<Uint8Array, JsValue> = answer.and_then(JsCast::dyn_into);
        bytes.map(|bytes| bytes.to_vec()).map_err(why)
    }
}

fn why(error: JsValue) -> Unanswered {
    match from_page::<Failure>(error) {
        Ok(failure) if failure.kind == FailureKind::Cancelled => Unanswered::Cancelled,
        _ => Unanswered::Lost,
    }
}
