#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]
//! What the tests of experiments share: the demo model and its text.

pub mod judging;

use std::path::PathBuf;

use layerlab_lab::{
    Cancel, DeviceChoice, LabError, OpenModel, Report, Run, ScoreRequest, Text, TextOptions,
    files::Folder, open_device, report::ScoringReport, score_layers,
};
use pollster::block_on;
use serde_json::Value;

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

pub fn scoring(report: &Report) -> &ScoringReport {
    report.scoring.as_ref().expect("scores")
}

/// Equal but for the last digit of a number, which JSON readers may round.
pub fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 2.0 * f64::EPSILON * b.abs()
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same = |(name, value)| b.get(name).is_some_and(|other| is_same(value, other));
            a.len() == b.len() && a.iter().all(same)
        }
        _ => a == b,
    }
}
