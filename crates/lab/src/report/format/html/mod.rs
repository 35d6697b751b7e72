//! The report as one page with charts: no script, no network, fit to print.

mod axis;
mod bars;
mod dots;
mod histogram;
mod lines;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::report::{
    Report,
    section::{Cell, Chart, Section, Table},
};

const STYLE: &str = include_str!("page.css");

impl Report {
    /// The report as a self-contained HTML document.
    pub fn to_html(&self) -> String {
        let footer = html! {
            "Written by " (self.program.name) " " (self.program.version) " at " (self.created)
            ". SHA-256 of the weights: " code { (self.model.sha256) }
        };
        page(&self.model.name, &self.sections(), &footer)
    }
}

/// Sections as a self-contained HTML document.
pub(in crate::report) fn page(name: &str, sections: &[Section], footer: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (name) " – LayerLab" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { h1 { (name) } }
                main { @for section in sections { (drawn(section)) } }
                footer { (footer) }
            }
        }
    };
    page.into_string()
}

fn drawn(section: &Section) -> Markup {
    html! {
        section {
            @if section.facts.is_empty() { h2 { (section.title) } }
            @if !section.facts.is_empty() {
                dl { @for (name, text) in &section.facts { dt { (name) } dd { (text) } } }
            }
            @if !section.sentences.is_empty() {
                ul { @for sentence in &section.sentences { li { (sentence) } } }
            }
            @if let Some(table) = &section.table { (grid(table)) }
            @for note in &section.notes { p.soft { (note) } }
            (charts(&section.charts))
        }
    }
}

fn grid(table: &Table) -> Markup {
    let is_key = |column: usize| column < table.keys;
    html! {
        div.scrolled {
            table {
                thead {
                    tr {
                        @for (column, cell) in table.header.iter().enumerate() {
                            th.key[is_key(column)] scope="col" { (content(cell)) }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (column, cell) in row.iter().enumerate() {
                                @if is_key(column) { th.key scope="row" { (content(cell)) } }
                                @else { td style=[shade(cell)] { (content(cell)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn content(cell: &Cell) -> Markup {
    html! {
        (cell.text)
        @if cell.significant { span.mark { "*" } }
        @for detail in &cell.details { span.interval { (detail) } }
    }
}

fn shade(cell: &Cell) -> Option<String> {
    let shade = cell.shade?;
    Some(format!("background: rgb(11 110 153 / {:.2})", 0.75 * shade))
}

/// Charts side by side, as many as there is room for.
fn charts(charts: &[Chart]) -> Markup {
    let is_wide = charts
        .iter()
        .any(|chart| matches!(chart, Chart::Dots { .. }));
    html! {
        @if !charts.is_empty() {
            div.panels.wide[is_wide] {
                @for chart in charts {
                    @match chart {
                        Chart::Bars { title, source, bars } => (bars::draw(title, source, bars)),
                        Chart::Dots { title, dots } => (dots::draw(title, dots)),
                        Chart::Lines { title, lines, best } => (lines::draw(title, lines, best)),
                        Chart::Histogram { title, aside, from, shares } => {
                            (histogram::draw(title, aside, *from, shares))
                        }
                    }
                }
            }
        }
    }
}
