#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]
//! What the tests of experiments share: the demo model and its text.

use std::path::PathBuf;

use layerlab_lab::{
    Cancel, DeviceChoice, LabError, OpenModel, Report, Run, ScoreRequest, Text, TextOptions,
    files::Folder, open_device, score_layers,
};
use pollster::block_on;

/// Relative to the package, where cargo runs tests: a path compiled in would be that of the clone that
/// built the test, and the target folder is shared.
pub fn demo() -> PathBuf {
    PathBuf::from("../../tests/goldens/demo")
}

pub fn open(device: DeviceChoice) -> OpenModel<Folder> {
    let cancel = Cancel::default();
    block_on(async {
        let device = open_device(device).await.expect("a device");
        let folder = Folder::new(demo());
        OpenModel::load(folder, device, &mut Run::new(&mut |_| (), &cancel)).await
    })
    .expect("the demo model")
}

pub fn text(model: &OpenModel<Folder>, options: TextOptions) -> Text {
    let contents = std::fs::read_to_string(demo().join("text.txt")).expect("the demo text");
    let context = model.decoder.spec().context;
    Text::new("text.txt", &contents, &model.tokenizer, context, options).expect("sequences")
}

/// Short sequences, so that there are enough of them for a bootstrap.
pub fn short() -> TextOptions {
    TextOptions {
        sequence_length: Some(48),
        max_sequences: 12,
    }
}

pub fn score(
    model: &OpenModel<Folder>,
    text: &Text,
    request: &ScoreRequest,
) -> Result<Report, LabError> {
    let cancel = Cancel::default();
    let mut run = |_| ();
    let mut run = Run::new(&mut run, &cancel);
    let created = "2026-01-01T00:00:00Z".to_owned();
    block_on(score_layers(model, text, request, created, &mut run))
}
