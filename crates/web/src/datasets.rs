//! What the user's datasets are. Files that only JavaScript reads come as JSON lines.

use layerlab_lab::{
    Dataset,
    dataset::{
        Fields, ReadOptions,
        hub::{ChosenSplit, DatasetId},
        text_of,
    },
};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{
    Session,
    border::{from_page, refused, thrown, to_page},
    types::{
        FailureKind, NamedText,
        page::{JsChosenSplit, JsDescription, JsNamedText},
    },
};

#[wasm_bindgen]
impl Session {
    /// What a dataset holds, and which of its fields is read as what.
    pub fn describe(text: JsNamedText) -> Result<JsDescription, JsValue> {
        to_page(&dataset(from_page(text)?)?.describe())
    }

    /// The text of a file, in whatever encoding it says it is written; `name` is for messages.
    #[wasm_bindgen(js_name = textOf)]
    pub fn text_of(name: &str, bytes: &[u8]) -> Result<String, JsValue> {
        let text = text_of(bytes);
        text.map_err(|problem| thrown(FailureKind::Input, format!("{name} {problem}")))
    }

    /// Which of a Hub dataset's Parquet files are meant by `owner/name[:config][@split]`.
    #[wasm_bindgen(js_name = chosenSplit)]
    pub fn chosen_split(id: &str, files: Vec<String>) -> Result<JsChosenSplit, JsValue> {
        let id = id.parse::<DatasetId>();
        let chosen: Result<ChosenSplit, _> = id.and_then(|id| id.chosen(&files));
        to_page(&chosen.map_err(|error| thrown(FailureKind::Input, error.to_string()))?)
    }
}

/// Reads a dataset of the page's.
pub(crate) fn dataset(text: NamedText) -> Result<Dataset, JsValue> {
    let fields = text.fields.as_deref().unwrap_or_default().parse();
    let fields: Fields = fields.map_err(|error: layerlab_lab::dataset::FieldsError| {
        thrown(FailureKind::Input, error.to_string())
    })?;
    let options = ReadOptions {
        skip_bad: text.skip_bad,
        fields,
    };
    let dataset = Dataset::read_as(text.name, &text.contents, &options);
    dataset.map_err(|error| refused(error.into()))
}
