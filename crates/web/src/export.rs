//! A pruned model on its way to the page: a folder of the user's, or a zip.

use std::io;

use js_sys::Uint8Array;
use layerlab_lab::{ExportError, ExportTarget};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::files::said;

#[wasm_bindgen(typescript_custom_section)]
const EXPORT_SINK: &str = r#"
/** Takes the files of a pruned model, one after the other. */
export interface ExportSink {
    /** Begins a file; what was begun before is whole. */
    begin(name: string): Promise<void>;
    /** Adds to the file that was begun last. */
    append(bytes: Uint8Array): Promise<void>;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The page's side.
    #[wasm_bindgen(typescript_type = "ExportSink")]
    pub type ExportSink;

    #[wasm_bindgen(method, catch)]
    async fn begin(this: &ExportSink, name: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn append(this: &ExportSink, bytes: Uint8Array) -> Result<JsValue, JsValue>;
}

/// Files that the page takes.
pub(crate) struct PageTarget(pub ExportSink);

fn refused(error: &JsValue) -> ExportError {
    ExportError::Write {
        path: "the exported model".into(),
        source: io::Error::other(said(error)),
    }
}

impl ExportTarget for PageTarget {
    async fn begin(&mut self, name: &str) -> Result<(), ExportError> {
        let begun = self.0.begin(name).await;
        begun.map(|_| ()).map_err(|error| refused(&error))
    }

    async fn append(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        let added = self.0.append(Uint8Array::from(bytes)).await;
        added.map(|_| ()).map_err(|error| refused(&error))
    }
}
