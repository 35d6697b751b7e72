//! From a file's records to its items.

use std::collections::BTreeSet;

use super::{
    BadLine, DatasetError, Items, Mapping, ReadOptions,
    candidates::gathered,
    keys::resolved,
    layout::Layout,
    shapes::{Item, item},
    source::{Line, Source, read},
    text::without_mark,
};

/// What a file holds.
pub(super) struct ReadRecords {
    pub items: Items,
    /// Which field was read as what; a text has none.
    pub mapping: Option<Mapping>,
    /// What was passed over.
    pub skipped: Vec<BadLine>,
}

/// Everything that a text file holds.
pub(super) fn text(
    name: &str,
    contents: &str,
    options: &ReadOptions,
) -> Result<ReadRecords, DatasetError> {
    let contents = without_mark(contents);
    match read(name, contents)? {
        Source::Text => Ok(ReadRecords {
            items: Items::Text(contents.to_owned()),
            mapping: None,
            skipped: Vec::new(),
        }),
        Source::Records(lines) => records(name, lines, options),
    }
}

/// Turns records into items, all by the layout of the first good one.
pub(super) fn records(
    name: &str,
    lines: Vec<Line>,
    options: &ReadOptions,
) -> Result<ReadRecords, DatasetError> {
    let (mut choices, mut answers, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    let (mut candidates, mut keyed) = (Vec::new(), Vec::new());
    let mut layout: Option<Layout> = None;
    let mut skipped = Vec::new();
    for line in lines {
        let mut fresh = None;
        let read = line.and_then(|record| {
            let known = match &mut layout {
                Some(layout) => layout,
                None => fresh.insert(Layout::of(&record, &options.fields)?),
            };
            let item = item(&record, known)?;
            if let Some(other) = known.other_form(&record) {
                let problem = format!("is of the form {other}, where others are {}", known.name());
                let (line, field) = (record.line, None);
                return Err(BadLine {
                    line,
                    field,
                    problem,
                });
            }
            known.see(&record);
            Ok(item)
        });
        match read {
            Ok(Item::Choice(item)) => choices.push(item),
            Ok(Item::Answer(item)) => answers.push(item),
            Ok(Item::Label(item)) => labels.push(item),
            Ok(Item::Candidate(item)) => candidates.push(item),
            Ok(Item::Keyed(item)) => keyed.push(item),
            Err(bad) if options.skip_bad => {
                skipped.push(bad);
                continue;
            }
            Err(bad) => {
                let name = name.to_owned();
                return Err(DatasetError::Line { name, bad });
            }
        }
        // Only a record that could be read says how the others are.
        layout = layout.or(fresh);
    }
    if let Some(known) = layout.take_if(|_| !keyed.is_empty()) {
        let (questions, bad, key) = resolved(name, keyed, known.key())?;
        choices = questions;
        layout = Some(known.with_key(key));
        if let Some(first) = bad.first().filter(|_| !options.skip_bad) {
            let (name, bad) = (name.to_owned(), first.clone());
            return Err(DatasetError::Line { name, bad });
        }
        skipped.extend(bad);
        skipped.sort_by_key(|bad| bad.line);
    }
    if !candidates.is_empty() {
        let (questions, passed) = gathered(candidates);
        choices = questions;
        skipped.extend(passed);
    }
    let items = match () {
        () if !choices.is_empty() => Items::Choices(choices),
        () if !answers.is_empty() => Items::Answers(answers),
        () if !labels.is_empty() => {
            let classes: BTreeSet<&str> = labels.iter().map(|item| item.label.as_str()).collect();
            if classes.len() == 1 {
                return Err(DatasetError::OneClass {
                    name: name.to_owned(),
                    label: classes.into_iter().collect(),
                });
            }
            Items::Labels(labels)
        }
        () => {
            return Err(DatasetError::Empty {
                name: name.to_owned(),
                first: skipped.into_iter().next(),
            });
        }
    };
    Ok(ReadRecords {
        items,
        mapping: layout.map(Layout::mapping),
        skipped,
    })
}
