//! The report as Markdown.

use super::{Report, escape::markdown, table::Style};

impl Report {
    /// The report as a Markdown document. Whatever files and models are called, it is shown as it is written.
    pub fn to_markdown(&self) -> String {
        match self.with_texts(markdown) {
            Ok(safe) => safe.markdown(),
            Err(defect) => format!("This report cannot be shown as Markdown: {defect}\n"),
        }
    }

    fn markdown(&self) -> String {
        let body = self.sections(Style::Markdown, &|text| format!("## {text}\n"));
        // Single line breaks mean nothing in Markdown; the summary needs its own.
        let (summary, rest) = body.split_once("\n\n").unwrap_or((&body, ""));
        let summary: Vec<String> = summary.lines().map(|line| format!("- {line}")).collect();
        let title = match self.scoring {
            Some(_) => format!("# What each layer of {} is worth", self.model.name),
            None => format!("# What {} can do", self.model.name),
        };
        format!("{title}\n\n{}\n\n{rest}", summary.join("\n"))
    }
}
