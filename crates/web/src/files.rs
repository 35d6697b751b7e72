//! A model's files as the page hands them over: dropped, picked, cached or downloaded.

use std::io;

use js_sys::{Array, Uint8Array};
use layerlab_lab::files::{FileError, ModelFiles};
use wasm_bindgen::{
    JsCast,
    prelude::{JsValue, wasm_bindgen},
};

#[wasm_bindgen(typescript_custom_section)]
const FILE_SOURCE: &str = r#"
/** A model's files. They are read by range, so that no whole weight file is ever held. */
export interface FileSource {
    /** What to call the model. */
    readonly name: string;
    /** Size of a file in bytes; undefined where there is no such file. */
    size(name: string): Promise<number | undefined>;
    /** `length` bytes of a file from `offset` on. */
    read(name: string, offset: number, length: number): Promise<Uint8Array>;
    /** The files that there are, those of folders within by their way from here. */
    names(): string[];
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The page's side.
    #[wasm_bindgen(typescript_type = "FileSource")]
    pub type FileSource;

    #[wasm_bindgen(method, getter)]
    fn name(this: &FileSource) -> String;

    #[wasm_bindgen(method)]
    fn names(this: &FileSource) -> Array;

    #[wasm_bindgen(method, catch)]
    async fn size(this: &FileSource, name: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn read(
        this: &FileSource,
        name: &str,
        offset: f64,
        length: f64,
    ) -> Result<JsValue, JsValue>;
}

/// Files that the page reads.
#[derive(Debug)]
pub(crate) struct PageFiles(pub FileSource);

impl std::fmt::Debug for FileSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FileSource").field(&self.name()).finish()
    }
}

/// What the page's error says.
pub(crate) fn said(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => format!("{error:?}"),
    }
}

fn failed(name: &str, error: &JsValue) -> FileError {
    FileError::Read {
        name: name.to_owned(),
        source: io::Error::other(said(error)),
    }
}

impl ModelFiles for PageFiles {
    async fn size(&self, name: &str) -> Result<Option<u64>, FileError> {
        let size = self
            .0
            .size(name)
            .await
            .map_err(|error| failed(name, &error))?;
        // File sizes are far below 2^53.
        Ok(size.as_f64().map(|size| size as u64))
    }

    async fn read_range(
        &self,
        name: &str,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<(), FileError> {
        let read = self.0.read(name, offset as f64, buffer.len() as f64).await;
        let bytes: Uint8Array = read
            .and_then(JsCast::dyn_into)
            .map_err(|error| failed(name, &error))?;
        if bytes.length() as usize != buffer.len() {
            return Err(FileError::Read {
                name: name.to_owned(),
                source: io::Error::from(io::ErrorKind::UnexpectedEof),
            });
        }
        bytes.copy_to(buffer);
        Ok(())
    }

    fn describe(&self) -> String {
        self.0.name()
    }

    fn names(&self) -> Vec<String> {
        let names = self.0.names();
        let mut names: Vec<String> = names.iter().filter_map(|name| name.as_string()).collect();
        names.sort();
        names
    }
}
