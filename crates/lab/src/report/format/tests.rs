//! No format leaves out what another shows.

use std::{collections::BTreeSet, fs, path::Path};

use super::Detail;
use crate::report::{
    Report,
    escape::{markdown, visible},
    section::{Cell, Section},
};

/// Reports of every experiment, as the command has written them.
fn reports() -> Vec<Report> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/seeds/report");
    let files = fs::read_dir(folder).unwrap();
    let reports = files.filter_map(|file| {
        let text = fs::read_to_string(file.unwrap().path()).ok()?;
        serde_json::from_str(&text).ok()
    });
    let reports: Vec<Report> = reports.map(Report::concluded).collect();
    let experiments: BTreeSet<String> = reports
        .iter()
        .map(|report| format!("{:?}", report.experiment))
        .collect();
    let all = [
        "Compare", "Evaluate", "Locate", "Quantize", "Repair", "Run", "Score",
    ];
    assert_eq!(
        experiments,
        all.map(String::from).into(),
        "a seed of each experiment"
    );
    reports
}

/// Everything that a section says.
fn words(section: &Section) -> Vec<String> {
    let cells = |cells: &[Cell]| -> Vec<String> { cells.iter().flat_map(Cell::lines).collect() };
    let table = section.table.iter().flat_map(|table| {
        let rows = table.rows.iter().flat_map(|row| cells(row));
        cells(&table.header).into_iter().chain(rows)
    });
    let facts = section.facts.iter().map(|(_, text)| text.clone());
    let said = section.sentences.iter().chain(&section.notes).cloned();
    let title = section.facts.is_empty().then(|| section.title.clone());
    title
        .into_iter()
        .chain(facts)
        .chain(said)
        .chain(table)
        .collect()
}

/// What is left of a text where line breaks and the drawing of tables are of no account.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

#[test]
fn every_format_shows_every_section() {
    for report in reports() {
        let safe = [
            report.with_texts(visible).unwrap(),
            report.with_texts(markdown).unwrap(),
        ];
        let terminal = plain(&report.to_terminal(Detail::Full, 300));
        let document = plain(&report.to_markdown());
        let page = report.to_html();
        let page = plain(&strip(&page));
        for (shown, sections) in [
            (&terminal, safe[0].sections()),
            (&document, safe[1].sections()),
            (&page, report.sections()),
        ] {
            for section in sections {
                for word in words(&section) {
                    assert!(shown.contains(&plain(&word)), "{}: {word:?}", section.id);
                }
            }
        }
        let csv = report.to_csv().unwrap();
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let named: BTreeSet<String> = reader
            .records()
            .map(|row| row.unwrap()[0].to_owned())
            .collect();
        let sections: BTreeSet<String> = report
            .sections()
            .iter()
            .map(|one| one.id.to_owned())
            .collect();
        assert_eq!(named, sections);
    }
}

/// The text of a page: no elements, entities as what they stand for.
fn strip(page: &str) -> String {
    let mut text = String::new();
    let mut is_element = false;
    for c in page.chars() {
        match c {
            '<' => is_element = true,
            '>' => is_element = false,
            c if !is_element => text.push(c),
            _ => {}
        }
    }
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(text, |text, (entity, c)| text.replace(entity, c))
}

/// What a terminal shows unasked fits its columns and a screen.
#[test]
fn a_brief_report_fits_one_screen() {
    for report in reports() {
        let shown = report.to_terminal(Detail::Brief, 100);
        let widest = shown.lines().map(textwrap::core::display_width).max();
        assert!(widest <= Some(100), "{widest:?}\n{shown}");
        assert!(shown.lines().count() <= 60, "{shown}");
        let conclusions = report.conclusions.first().map(|sentence| plain(sentence));
        assert!(conclusions.is_none_or(|sentence| plain(&shown).contains(&sentence)));
        let whole = report.to_terminal(Detail::Full, 100);
        let widest = whole.lines().map(textwrap::core::display_width).max();
        assert!(widest <= Some(100), "{widest:?}");
    }
}
