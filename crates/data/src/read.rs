//! From a file's records to its items.

use std::collections::BTreeSet;

use super::{
    BadLine, DatasetError, Items, ReadOptions,
    candidates::gathered,
    layout::{Layout, Mapping},
    shapes::{Item, item},
    source::{Line, Source, read},
};

/// What a file holds.
pub(super) struct Found {
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
) -> Result<Found, DatasetError> {
    // Spreadsheets put one before UTF-8.
    let contents = contents.trim_start_matches('\u{feff}');
    match read(name, contents)? {
        Source::Text => Ok(Found {
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
) -> Result<Found, DatasetError> {
    let (mut choices, mut answers, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    let mut candidates = Vec::new();
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
            known.see(&record);
            Ok(item)
        });
        match read {
            Ok(Item::Choice(item)) => choices.push(item),
            Ok(Item::Answer(item)) => answers.push(item),
            Ok(Item::Label(item)) => labels.push(item),
            Ok(Item::Candidate(item)) => candidates.push(item),
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
    Ok(Found {
        items,
        mapping: layout.map(Layout::mapping),
        skipped,
    })
}
