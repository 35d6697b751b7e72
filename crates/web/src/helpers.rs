//! Other workers of the page that hold the same model, each with a session of its own.

use js_sys::Uint8Array;
use layerlab_lab::{Answer, Peers, Run, Unanswered, perform_share};
use wasm_bindgen::{
    JsCast,
    prelude::{JsValue, wasm_bindgen},
};

use crate::{
    Session,
    border::{from_page, refused, trusted},
    types::{Failure, FailureKind},
};

#[wasm_bindgen(typescript_custom_section)]
const HELPERS: &str = r#"
/** Other workers that hold the same model, and do shares of the work by `Session.share`. */
export interface Helpers {
    /** How many there are. */
    readonly count: number;
    /** Has one of them do a share, as soon as one is free. Throws a `Failure`. */
    share(share: Uint8Array): Promise<Uint8Array>;
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
    async fn share(this: &Helpers, share: Uint8Array) -> Result<JsValue, JsValue>;
}

impl std::fmt::Debug for Helpers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Helpers").field(&self.count()).finish()
    }
}

impl Peers for Helpers {
    fn count(&self) -> usize {
        Self::count(self)
    }

    fn ask(&self, share: Vec<u8>) -> Answer<'_> {
        Box::pin(async move {
            let answer = self.share(Uint8Array::from(&share[..])).await;
            let bytes: Result<Uint8Array, JsValue> = answer.and_then(JsCast::dyn_into);
            match bytes {
                Ok(bytes) => Ok(bytes.to_vec()),
                Err(error) => Err(why(error)),
            }
        })
    }
}

fn why(error: JsValue) -> Unanswered {
    match from_page::<Failure>(error) {
        Ok(failure) if failure.kind == FailureKind::Cancelled => Unanswered::Cancelled,
        _ => Unanswered::Lost,
    }
}

#[wasm_bindgen]
impl Session {
    /// Does a share of the work of another worker, whose session asks for it.
    pub async fn share(&self, share: Vec<u8>) -> Result<Vec<u8>, JsValue> {
        let model = self.model()?;
        let cancel = self.begin();
        let mut silent = |_| ();
        let mut run = Run::new(&mut silent, &cancel);
        let answer = perform_share(&model, &share, &mut run).await;
        trusted(answer.map_err(refused)?)
    }
}
