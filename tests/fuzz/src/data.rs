//! Datasets, by how they are written.

use std::{fs, str};

use layerlab_data::{ChoiceSet, Dataset, DatasetError, Fields, Items, ReadOptions, Role, text_of};
use serde_json::Value;
use tempfile::NamedTempFile;

/// What a user says about fields.
pub fn fields(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let said = text.parse::<Fields>();
    assert_eq!(said, text.parse::<Fields>());
    if let Ok(fields) = said {
        let record = r#"{"q": "Q", "a": "A", "b": "B", "t": "T", "l": 0, "q.a": "D"}"#;
        let read = |skip_bad| {
            let fields = fields.clone();
            Dataset::read_as("a.jsonl", record, &ReadOptions { skip_bad, fields })
        };
        check(read, Some(1));
    }
}

/// An array of objects, or an object that holds one.
pub fn json(bytes: &[u8]) {
    let records = |text: &str| match serde_json::from_str(text) {
        Ok(Value::Array(records)) => Some(records.len()),
        _ => None,
    };
    text("a.json", bytes, records);
}

/// An object a line.
pub fn json_lines(bytes: &[u8]) {
    let is_object = |line: &str| matches!(serde_json::from_str(line), Ok(Value::Object(_)));
    let records = |text: &str| {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines.clone().all(is_object).then(|| lines.count())
    };
    text("a.jsonl", bytes, records);
}

/// A table with commas.
pub fn csv(bytes: &[u8]) {
    text("a.csv", bytes, |text| rows(text, ','));
}

/// A table with tabs.
pub fn tsv(bytes: &[u8]) {
    text("a.tsv", bytes, |text| rows(text, '\t'));
}

/// Rows of a table without quotes, in which every line with anything between its delimiters is one; unknown for others.
fn rows(text: &str, delimiter: char) -> Option<usize> {
    let says = |line: &&str| line.chars().any(|c| !c.is_whitespace() && c != delimiter);
    let lines = text.lines().filter(says).count();
    (!text.contains(['"', '\r', ';'])).then(|| lines.saturating_sub(1))
}

/// A Parquet file.
pub fn parquet(bytes: &[u8]) {
    let file = NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), bytes).expect("a temporary file");
    let paths = [file.path().to_owned()];
    let read = |skip_bad| {
        let fields = Fields::default();
        Dataset::read_parquet("a.parquet", &paths, &ReadOptions { skip_bad, fields })
    };
    check(read, None);
}

fn text(name: &str, bytes: &[u8], records: impl Fn(&str) -> Option<usize>) {
    let records = match text_of(bytes) {
        Ok(text) => records(&text),
        Err(_) => None,
    };
    let read = |skip_bad| {
        let fields = Fields::default();
        Dataset::read_bytes(name, bytes, &ReadOptions { skip_bad, fields })
    };
    check(read, records);
}

/// Reads with bad records refused, and with bad records passed over.
fn check(read: impl Fn(bool) -> Result<Dataset, DatasetError>, records: Option<usize>) {
    let (strict, lenient) = (read(false), read(true));
    // That it is the same every time is asked of some files only: it takes as long again.
    if records.is_none_or(|records| records.is_multiple_of(4)) {
        assert_eq!(strict, read(false));
        assert_eq!(lenient, read(true));
    }
    if let Ok(dataset) = &strict {
        assert_eq!(
            Ok(dataset),
            lenient.as_ref(),
            "nothing is bad, and yet more is accepted"
        );
    }
    if let Ok(dataset) = lenient {
        sound(&dataset.items);
        assert_eq!(dataset.of, dataset.items.len());
        let total = dataset.items.len() + dataset.skipped.len();
        match records {
            Some(records) if has_candidates(&dataset) => assert!(total <= records),
            Some(records) => assert_eq!(total, records, "read and passed over"),
            None => {}
        }
    }
}

/// Whether several records make one item.
fn has_candidates(dataset: &Dataset) -> bool {
    let mapping = dataset.mapping.as_ref().map(|mapping| &mapping.fields);
    mapping.is_some_and(|fields| fields.iter().any(|field| field.role == Role::Candidate))
}

fn sound(items: &Items) {
    assert!(!items.is_empty());
    let says = |text: &String| assert!(!text.trim().is_empty(), "an empty text");
    let chosen = |set: &ChoiceSet| {
        assert_eq!(set.choices.len(), set.right.len());
        assert!(set.right.contains(&true) && set.right.contains(&false));
        set.choices.iter().for_each(says);
    };
    let lines: Vec<usize> = match items {
        Items::Text(_) => vec![1],
        Items::Choices(items) => {
            for item in items {
                says(&item.question);
                assert!(item.single.is_some() || item.multiple.is_some());
                item.single.iter().chain(&item.multiple).for_each(chosen);
            }
            items.iter().map(|item| item.line).collect()
        }
        Items::Answers(items) => {
            for item in items {
                says(&item.question);
                assert!(!item.answers.is_empty());
                item.answers.iter().for_each(says);
            }
            items.iter().map(|item| item.line).collect()
        }
        Items::Labels(items) => {
            for item in items {
                says(&item.text);
                says(&item.label);
            }
            assert!(items.iter().any(|item| item.label != items[0].label));
            items.iter().map(|item| item.line).collect()
        }
    };
    assert!(lines.iter().all(|line| *line > 0));
    assert!(lines.is_sorted(), "out of order: {lines:?}");
}
