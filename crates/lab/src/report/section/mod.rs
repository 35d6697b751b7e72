//! What a report shows, whatever it is shown in: a list of sections, each defined once. Terminal, Markdown, HTML and CSV draw
//! the same sections, so that none of them can leave a finding out.

mod chart;
mod record;
mod table;

pub(super) use chart::{Bar, Chart, Line};
pub(super) use record::{COLUMNS, Record};
pub(super) use table::{Cell, Table};

/// One part of a report.
#[derive(Debug, Clone, Default)]
pub(super) struct Section {
    /// Short name, by which CSV tells sections apart.
    pub id: &'static str,
    /// The heading.
    pub title: String,
    /// Whether a terminal shows it when not asked for everything, its table with the leading columns alone.
    pub brief: bool,
    /// Names with what they stand for, such as the model and the device.
    pub facts: Vec<(&'static str, String)>,
    /// What it says, before anything else.
    pub sentences: Vec<String>,
    /// The table.
    pub table: Option<Table>,
    /// The charts.
    pub charts: Vec<Chart>,
    /// How to read table and charts.
    pub notes: Vec<String>,
    /// All figures, one row of CSV each; none where the sentences are all there is.
    pub records: Vec<Record>,
}

impl Section {
    /// Sentences under a heading.
    pub fn of_sentences(id: &'static str, title: &str, sentences: Vec<String>) -> Self {
        Self {
            id,
            title: title.to_owned(),
            sentences,
            ..Self::default()
        }
    }

    /// The same, shown by a terminal at once.
    pub fn in_brief(self) -> Self {
        Self {
            brief: true,
            ..self
        }
    }
}
