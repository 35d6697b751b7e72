//! The report for a terminal.

use comfy_table::{
    Cell as Drawn, CellAlignment, ContentArrangement, Table as Grid, TableComponent, presets,
};

use crate::report::{
    Report,
    escape::visible,
    section::{Cell, Section, Table},
};

/// Columns between two cells.
const GAP: usize = 2;

/// How much a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// One screen: what to conclude, and the figures that it rests on.
    Brief,
    /// Everything.
    Full,
}

impl Report {
    /// The report for a terminal of `width` columns, which obeys nothing that stands in the name of a file or model.
    pub fn to_terminal(&self, detail: Detail, width: usize) -> String {
        let safe = match self.with_texts(visible) {
            Ok(safe) => safe,
            Err(defect) => return format!("This report cannot be shown: {defect}\n"),
        };
        let sections = safe.sections();
        let shown = sections
            .iter()
            .filter(|section| detail == Detail::Full || section.brief);
        let parts: Vec<String> = shown.map(|section| draw(section, detail, width)).collect();
        parts.join("\n\n") + "\n"
    }
}

/// A section.
pub(in crate::report) fn draw(section: &Section, detail: Detail, width: usize) -> String {
    let mut lines = Vec::new();
    if section.facts.is_empty() {
        lines.push(section.title.clone());
    }
    for (name, text) in &section.facts {
        let wrapped = wrap(&format!("{name:8}{text}"), width, "        ");
        lines.push(wrapped);
    }
    for sentence in &section.sentences {
        lines.push(wrap(&format!("- {sentence}"), width, "  "));
    }
    if let Some(table) = &section.table {
        let columns = match detail {
            Detail::Brief => table.brief,
            Detail::Full => table.header.len(),
        };
        lines.extend(grids(table, columns, detail, width));
    }
    let notes = match detail {
        // Figures can be read without how they came about, but not without what they mean.
        Detail::Brief => section
            .notes
            .get(..section.notes.len().min(2))
            .unwrap_or_default(),
        Detail::Full => &section.notes,
    };
    lines.extend(notes.iter().map(|note| wrap(note, width, "  ")));
    lines.join("\n")
}

/// A text in lines of at most `width` columns, all but the first after `indent`.
fn wrap(text: &str, width: usize, indent: &str) -> String {
    let options = textwrap::Options::new(width.max(20)).subsequent_indent(indent);
    textwrap::fill(text, options)
}

/// A table in as many parts as have room side by side; the columns that name rows stand in each.
fn grids(table: &Table, columns: usize, detail: Detail, width: usize) -> Vec<String> {
    let rows = || [&table.header].into_iter().chain(&table.rows);
    let widest = |column: usize| {
        let cells = rows().filter_map(|row| row.get(column));
        let lines = cells.flat_map(|cell| lines(cell, detail));
        lines
            .map(|line| textwrap::core::display_width(&line))
            .max()
            .unwrap_or(0)
            + GAP
    };
    let keys: usize = (0..table.keys.min(columns)).map(widest).sum();
    let mut parts: Vec<Vec<usize>> = vec![Vec::new()];
    let mut used = keys;
    for column in table.keys..columns {
        let wide = widest(column);
        let is_begun = parts.last().is_some_and(|part| !part.is_empty());
        if is_begun && used + wide > width {
            parts.push(Vec::new());
            used = keys;
        }
        used += wide;
        if let Some(part) = parts.last_mut() {
            part.push(column);
        }
    }
    let of_part = |part: Vec<usize>| {
        let columns: Vec<usize> = (0..table.keys.min(columns)).chain(part).collect();
        grid(table, &columns, detail, width)
    };
    parts.into_iter().map(of_part).collect()
}

fn grid(table: &Table, columns: &[usize], detail: Detail, width: usize) -> String {
    let drawn = |row: &[Cell]| -> Vec<Drawn> {
        let cells = columns.iter().map(|column| {
            let alignment = match *column < table.keys {
                true => CellAlignment::Left,
                false => CellAlignment::Right,
            };
            let text = row
                .get(*column)
                .map_or(Vec::new(), |cell| lines(cell, detail));
            Drawn::new(text.join("\n")).set_alignment(alignment)
        });
        cells.collect()
    };
    let mut grid = Grid::new();
    grid.load_preset(presets::UTF8_HORIZONTAL_ONLY)
        .remove_style(TableComponent::HorizontalLines)
        .remove_style(TableComponent::MiddleIntersections)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_header(drawn(&table.header));
    for row in &table.rows {
        grid.add_row(drawn(row));
    }
    grid.trim_fmt()
}

/// The lines of a cell: all beside each other where there is little room below.
fn lines(cell: &Cell, detail: Detail) -> Vec<String> {
    match detail {
        Detail::Full => cell.lines(),
        Detail::Brief => vec![cell.lines().join(" ")],
    }
}
