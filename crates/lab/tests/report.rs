//! The report keeps its published form, in every view.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;

use layerlab_lab::{
    DeviceChoice, Report, ScoreRequest, Tap, harness::HarnessComparison, report::Detail,
};
use layerlab_score::Role;
use layerlab_stats::{Epsilon, Histogram};
use serde_json::Value;
use support::{is_same, open, score, scoring, short, text};

const SCHEMA: &str = "schema/layerlab-1.schema.json";
const HARNESS_SCHEMA: &str = "schema/layerlab-harness-1.schema.json";

fn report() -> Report {
    let model = open(DeviceChoice::Cpu);
    score(&model, &text(&model, short()), &ScoreRequest::default()).unwrap()
}

/// To publish a changed form: `LAYERLAB_WRITE_SCHEMA=1 cargo test --workspace --test report`.
#[test]
fn the_published_schemas_are_those_that_are_written() {
    let schemas = [
        (SCHEMA, Report::json_schema().unwrap()),
        (HARNESS_SCHEMA, HarnessComparison::json_schema().unwrap()),
    ];
    for (name, schema) in schemas {
        let path = Path::new(name);
        if std::env::var_os("LAYERLAB_WRITE_SCHEMA").is_some() {
            std::fs::write(path, &schema).unwrap();
        }
        let published = std::fs::read_to_string(path).unwrap();
        assert_eq!(
            published, schema,
            "{name} is out of date; see this test for how to write it"
        );
    }
}

fn is_valid(document: &Value) -> bool {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    let schema = Report::json_schema().unwrap();
    let schema = serde_json::from_str(&schema).unwrap();
    compiler.add_resource("report.json", schema).unwrap();
    let index = compiler.compile("report.json", &mut schemas).unwrap();
    schemas.validate(document, index).is_ok()
}

#[test]
fn a_report_is_valid_and_reads_back_as_itself() {
    let report = report();
    let json = report.to_json().unwrap();
    let document: Value = serde_json::from_str(&json).unwrap();
    assert!(is_valid(&document));
    let read: Report = serde_json::from_str(&json).unwrap();
    let again: Value = serde_json::from_str(&read.to_json().unwrap()).unwrap();
    assert!(is_same(&again, &document));
}

#[test]
fn a_document_of_another_form_is_not_valid() {
    let document: Value = serde_json::from_str(&report().to_json().unwrap()).unwrap();
    let spoilt = |pointer: &str, value: Value| {
        let mut document = document.clone();
        *document.pointer_mut(pointer).unwrap() = value;
        document
    };
    assert!(!is_valid(&spoilt("/schema", "layerlab/2".into())));
    assert!(!is_valid(&spoilt("/model/layers", "three".into())));
    assert!(!is_valid(&spoilt(
        "/scoring/scores/methods/0/role",
        "judge".into()
    )));
    let mut incomplete = document.clone();
    incomplete.as_object_mut().unwrap().remove("device");
    assert!(!is_valid(&incomplete));
}

/// Whoever reads a report can ask for another threshold: the histogram and the counts agree.
#[test]
fn the_histogram_gives_the_sparsity_that_the_scores_used() {
    let report = report();
    let Epsilon::Relative(share) = scoring(&report).options.score.epsilon else {
        panic!("the default threshold is relative");
    };
    for layer in &scoring(&report).statistics {
        let tap = &layer.taps[&Tap::Output];
        let empty = std::iter::repeat_n(0, tap.histogram.first_bin);
        let counts = empty.chain(tap.histogram.counts.iter().copied());
        let histogram = Histogram::from_counts(counts);
        assert_eq!(histogram.total(), tap.elements);
        let found = histogram.count_below(share * tap.rms) / tap.elements as f64;
        assert!((found - tap.sparsity.share).abs() < 1e-9);
    }
}

#[test]
fn every_view_shows_every_ranking() {
    let report = report();
    let views = [report.to_terminal(Detail::Full, 1000), report.to_markdown()];
    let csv = report.to_csv().unwrap();
    for method in &scoring(&report).scores.methods {
        if method.source != "baseline" {
            for view in &views {
                let words = method.label.split(' ').next().unwrap();
                assert!(view.contains(words), "{words} is missing in\n{view}");
            }
        }
        let section = match method.role {
            Role::Ranking => "scores",
            Role::Part => "parts",
            Role::Baseline => continue,
        };
        let prefix = format!("{section},{},", method.id);
        let rows = csv.lines().filter(|row| row.starts_with(&prefix)).count();
        assert_eq!(rows, report.model.layers, "{}", method.id);
    }
    for view in views {
        assert!(view.contains(&report.device.name));
        for warning in report
            .warnings
            .iter()
            .chain(&scoring(&report).scores.warnings)
        {
            assert!(view.contains(warning));
        }
    }
    // Every row has a field for each column.
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert!(reader.records().all(|row| row.is_ok()));
}

/// A text of which only some was shown to the model is told with what it has in all, in every view.
#[test]
fn every_view_says_how_much_of_the_text_was_used() {
    let report = report();
    let data = &scoring(&report).data;
    let whole = data.whole.unwrap();
    assert!(whole.tokens > data.tokens);
    let size = data.size();
    assert!(
        size.contains(&format!(" in {} sequences of ", data.sequences)),
        "{size}"
    );
    for view in [
        report.to_terminal(Detail::Full, 100),
        report.to_markdown(),
        report.to_html(),
    ] {
        assert!(view.contains(&size), "{size} is missing in\n{view}");
    }
    let json: Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    assert_eq!(json["scoring"]["data"]["whole"]["tokens"], whole.tokens);
}
