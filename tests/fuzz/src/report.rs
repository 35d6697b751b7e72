//! A report that is opened, in every form that it is written in.

use layerlab_lab::{Report, report::Detail};

/// A report of the command or of the page.
pub fn report(bytes: &[u8]) {
    let Ok(report) = serde_json::from_slice::<Report>(bytes) else {
        return;
    };
    assert_eq!(report.schema, layerlab_lab::report::SCHEMA);
    let json = report.to_json().expect("what was read can be written");
    let again: Report = serde_json::from_str(&json).expect("what was written can be read");
    assert_eq!(again.warnings, report.warnings);
    assert!(!report.to_markdown().is_empty());
    assert!(!report.to_terminal(Detail::Full, 80).is_empty());
    assert!(report.to_html().ends_with("</html>"));
    assert!(!report.to_csv().expect("texts and numbers").is_empty());
}
