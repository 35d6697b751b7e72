//! The report as Markdown.

use crate::report::{
    Report,
    escape::markdown,
    section::{Cell, Section, Table},
};

impl Report {
    /// The report as a Markdown document. Whatever files and models are called, it is shown as it is written.
    pub fn to_markdown(&self) -> String {
        match self.with_texts(markdown) {
            Ok(safe) => safe.markdown(),
            Err(defect) => format!("This report cannot be shown as Markdown: {defect}\n"),
        }
    }

    fn markdown(&self) -> String {
        let title = match self.scoring {
            Some(_) => format!("# How much {} needs each layer", self.model.name),
            None => format!("# What {} can do", self.model.name),
        };
        let sections = self.sections();
        let sections = sections.iter().map(draw);
        let parts: Vec<String> = [title].into_iter().chain(sections).collect();
        parts.join("\n\n") + "\n"
    }
}

/// A section.
pub(in crate::report) fn draw(section: &Section) -> String {
    let mut parts = Vec::new();
    if section.facts.is_empty() {
        parts.push(format!("## {}", section.title));
    }
    let facts = section.facts.iter();
    let facts: Vec<String> = facts
        .map(|(name, text)| format!("- {name}: {text}"))
        .collect();
    parts.push(facts.join("\n"));
    parts.push(bullets(&section.sentences));
    parts.extend(section.table.iter().map(grid));
    parts.push(bullets(&section.notes));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn bullets(sentences: &[String]) -> String {
    match sentences {
        [one] => one.clone(),
        some => {
            let lines = some.iter().map(|sentence| format!("- {sentence}"));
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

/// A table as GitHub's Markdown has it. Not padded: what aligns columns to the eye is the reader's program, and a library that
/// does it here would be downloaded with the page.
fn grid(table: &Table) -> String {
    let line = |cells: &[Cell]| {
        let cells = cells.iter().map(|cell| cell.lines().join(" "));
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    let alignments = (0..table.header.len()).map(|column| match column < table.keys {
        true => "---",
        false => "---:",
    });
    let rule = format!("|{}|", alignments.collect::<Vec<_>>().join("|"));
    let rows = table.rows.iter().map(|row| line(row));
    let lines: Vec<String> = [line(&table.header), rule]
        .into_iter()
        .chain(rows)
        .collect();
    lines.join("\n")
}
