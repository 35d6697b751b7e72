//! The report as Markdown.

use comfy_table::{Cell as Drawn, CellAlignment, Table as Grid, presets};

use crate::report::{
    Report,
    escape::markdown,
    section::{Section, Table},
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

fn draw(section: &Section) -> String {
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

fn grid(table: &Table) -> String {
    let drawn = |cells: &[crate::report::section::Cell]| -> Vec<Drawn> {
        let cells = cells.iter().enumerate();
        let cells = cells.map(|(column, cell)| {
            let alignment = match column < table.keys {
                true => CellAlignment::Left,
                false => CellAlignment::Right,
            };
            Drawn::new(cell.lines().join(" ")).set_alignment(alignment)
        });
        cells.collect()
    };
    let mut grid = Grid::new();
    grid.load_preset(presets::ASCII_MARKDOWN)
        .set_header(drawn(&table.header));
    for row in &table.rows {
        grid.add_row(drawn(row));
    }
    grid.trim_fmt()
}
