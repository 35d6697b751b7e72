//! The report as tables; terminal and Markdown differ only in how they draw them.

use comfy_table::{Cell, CellAlignment, Table, TableComponent};

use super::{ModelReport, Report, ScoringReport, bytes, count, escape::visible};

/// How cells are drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Terminal,
    Markdown,
}

impl Style {
    fn preset(self) -> &'static str {
        match self {
            Self::Terminal => comfy_table::presets::UTF8_HORIZONTAL_ONLY,
            Self::Markdown => comfy_table::presets::ASCII_MARKDOWN,
        }
    }

    pub fn draw(self, header: Vec<String>, rows: Vec<Vec<String>>) -> String {
        let mut table = Table::new();
        let cells = |row: Vec<String>| -> Vec<Cell> {
            let cells = row.into_iter().enumerate();
            cells
                .map(|(column, text)| {
                    Cell::new(text).set_alignment(match column {
                        0 => CellAlignment::Left,
                        _ => CellAlignment::Right,
                    })
                })
                .collect()
        };
        table
            .load_preset(self.preset())
            .remove_style(TableComponent::HorizontalLines)
            .remove_style(TableComponent::MiddleIntersections)
            .set_header(cells(header));
        for row in rows {
            table.add_row(cells(row));
        }
        table.trim_fmt()
    }
}

impl Report {
    /// The report as tables for a terminal, which obeys nothing that stands in the name of a file or model.
    pub fn to_table(&self) -> String {
        let heading = |text: &str| text.to_owned();
        match self.with_texts(visible) {
            Ok(safe) => safe.sections(Style::Terminal, &heading),
            Err(defect) => format!("This report cannot be shown as tables: {defect}\n"),
        }
    }

    /// All sections in order, with headings as the view writes them.
    pub(super) fn sections(&self, style: Style, heading: &dyn Fn(&str) -> String) -> String {
        let mut sections = vec![self.summary().join("\n")];
        let mut warnings = self.warnings.clone();
        if let Some(scoring) = &self.scoring {
            sections.extend(scoring.sections(style, heading));
            warnings.extend(scoring.scores.warnings.iter().cloned());
        }
        if let Some(found) = &self.hallucination {
            sections.extend(found.sections(style, heading));
        }
        match &self.repair {
            Some(repair) => sections.extend(repair.sections(self, style, heading)),
            None => sections.extend(self.task_sections(style, heading)),
        }
        if !warnings.is_empty() {
            let warnings: Vec<String> = warnings
                .iter()
                .map(|warning| format!("- {warning}"))
                .collect();
            sections.push(format!("{}\n{}", heading("Warnings"), warnings.join("\n")));
        }
        sections.push(self.footer());
        sections.join("\n\n") + "\n"
    }

    fn summary(&self) -> Vec<String> {
        let line = |role: &str, model: &ModelReport| {
            format!(
                "{role:8}{}: {}, {} layers, {} channels, {} parameters, {} ({})",
                model.name,
                model.family,
                model.layers,
                model.hidden_size,
                count(model.parameters),
                bytes(model.weight_bytes),
                model.dtypes.join(", ")
            )
        };
        let mut lines = vec![line("Model", &self.model)];
        if let Some(comparison) = &self.comparison {
            lines.push(line("With", &comparison.model));
        }
        if let Some(ScoringReport { data, .. }) = &self.scoring {
            lines.push(format!(
                "Text    {}: {}, each of at most {} tokens{}",
                data.name,
                data.size(),
                data.sequence_length,
                if data.bos { " with BOS" } else { "" }
            ));
        }
        lines.push(format!("Device  {}", self.device.line()));
        lines
    }

    fn footer(&self) -> String {
        let times = &self.timings;
        let mut parts = vec![format!("Loaded in {:.2} s", times.load_seconds)];
        if let (Some(seconds), Some(speed)) = (times.measure_seconds, times.tokens_per_second) {
            parts.push(format!("measured in {seconds:.2} s ({speed:.0} tokens/s)"));
        }
        for (name, seconds) in [
            ("left layers out", times.leave_out_seconds),
            ("scored", times.score_seconds),
            ("planned", times.plan_seconds),
            ("evaluated", times.evaluate_seconds),
            ("hashed", Some(times.hash_seconds)),
        ] {
            parts.extend(seconds.map(|seconds| format!("{name} in {seconds:.2} s")));
        }
        parts.join(", ") + "."
    }
}
