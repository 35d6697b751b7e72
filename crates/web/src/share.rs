//! What a session does for another worker's.

use layerlab_lab::perform_share;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{
    Session,
    border::{refused, trusted},
    call::{Call, PageCall},
};

#[wasm_bindgen]
impl Session {
    /// Does a share of the work of another worker, whose session asks for it.
    pub async fn share(&self, share: Vec<u8>, call: PageCall) -> Result<Vec<u8>, JsValue> {
        let opened = self.opened()?;
        let mut call = Call::new(&self.calls, call, None);
        let answer = perform_share(&opened.model, &share, &mut call.run()).await;
        trusted(answer.map_err(refused)?)
    }
}
