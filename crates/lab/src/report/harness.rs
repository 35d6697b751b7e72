//! Two runs of lm-evaluation-harness, in every format.

use layerlab_eval::{
    PairedTest,
    harness::{HarnessComparison, HarnessPair},
};

use maud::html;

use super::{
    Detail, Program,
    escape::{markdown, visible},
    format,
    number::{interval, significant},
    section::{COLUMNS, Cell, Record, Section, Table},
};

/// As a document or a table.
pub trait HarnessViews {
    /// For a terminal of `width` columns.
    fn to_terminal(&self, detail: Detail, width: usize) -> String;

    /// As Markdown.
    fn to_markdown(&self) -> String;

    /// As a self-contained HTML document.
    fn to_html(&self) -> String;

    /// A row for each metric of each task.
    ///
    /// # Errors
    /// When the rows cannot be put together, which would be a defect.
    fn to_csv(&self) -> Result<String, csv::Error>;
}

impl HarnessViews for HarnessComparison {
    fn to_terminal(&self, detail: Detail, width: usize) -> String {
        let sections = sections(&with_texts(self, visible));
        let parts = sections
            .iter()
            .map(|section| format::draw_terminal(section, detail, width));
        parts.collect::<Vec<_>>().join("\n\n") + "\n"
    }

    fn to_markdown(&self) -> String {
        let sections = sections(&with_texts(self, markdown));
        let parts = sections.iter().map(format::draw_markdown);
        parts.collect::<Vec<_>>().join("\n\n") + "\n"
    }

    fn to_html(&self) -> String {
        let program = Program::this();
        let footer = html! { "Written by " (program.name) " " (program.version) };
        let [first, second] = &self.models;
        format::page(
            &format!("{second} beside {first}"),
            &sections(self),
            &footer,
        )
    }

    fn to_csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(COLUMNS)?;
        let records = sections(self)
            .into_iter()
            .flat_map(|section| section.records);
        for record in records {
            writer.write_record(record.fields())?;
        }
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The same with every text from outside changed.
fn with_texts(compared: &HarnessComparison, change: fn(&str) -> String) -> HarnessComparison {
    let mut compared = compared.clone();
    let names = compared.pairs.iter_mut();
    let names = names.flat_map(|pair| [&mut pair.task, &mut pair.filter, &mut pair.metric]);
    let all = names
        .chain(&mut compared.models)
        .chain(&mut compared.warnings);
    all.for_each(|text| *text = change(text));
    compared
}

fn sections(compared: &HarnessComparison) -> Vec<Section> {
    let [first, second] = &compared.models;
    let mut table = Section {
        id: "harness",
        title: format!("{second} beside {first}, document by document"),
        brief: true,
        table: Some(Table {
            header: ["task", "metric", first, second, "difference"]
                .map(Cell::from)
                .into(),
            keys: 2,
            brief: 5,
            rows: compared.pairs.iter().map(row).collect(),
        }),
        notes: notes(compared),
        records: compared
            .pairs
            .iter()
            .map(|pair| record(pair, second))
            .collect(),
        ..Section::default()
    };
    table.record_texts();
    let mut sections = vec![table];
    if !compared.warnings.is_empty() {
        let warnings = compared.warnings.clone();
        let mut section = Section::of_sentences("warnings", "Warnings", warnings).in_brief();
        section.record_texts();
        sections.push(section);
    }
    sections
}

fn row(pair: &HarnessPair) -> Vec<Cell> {
    let mean = |value: Option<f64>| Cell::from(significant(value));
    let metric = match pair.filter.as_str() {
        "none" => pair.metric.clone(),
        filter => format!("{} ({filter})", pair.metric),
    };
    let signed = |value: f64| format!("{value:+.4}");
    let ends = pair.difference_low.zip(pair.difference_high);
    let ends = ends.map(|(low, high)| {
        let found = pair.significance;
        let rough = found.is_none() || pair.documents < layerlab_stats::FEW_UNITS;
        interval([low, high].map(signed), rough)
    });
    let p = pair
        .significance
        .map(|found| format!("p {}", significant(Some(found.p_adjusted))));
    vec![
        pair.task.as_str().into(),
        Cell::from(metric).with_details([format!("{} documents", pair.documents)]),
        mean(pair.means[0]),
        mean(pair.means[1]),
        Cell {
            significant: pair.significance.is_some_and(|found| found.significant),
            ..Cell::from(pair.difference.map_or("–".into(), signed))
                .with_details(ends.into_iter().chain(p))
        },
    ]
}

fn notes(compared: &HarnessComparison) -> Vec<String> {
    let level = 100.0 * compared.confidence.level;
    let tests = compared.pairs.iter().filter_map(|pair| {
        let found = pair.significance?;
        let [first, second] = pair.better;
        let test = match found.test {
            PairedTest::McNemar => format!(
                "McNemar's exact test of {first} and {second} documents that only one has right"
            ),
            PairedTest::Permutation => "permutation test of pairs".to_owned(),
        };
        Some(format!(
            "{}, {}: p = {} for this comparison alone ({test})",
            pair.task,
            pair.metric,
            significant(Some(found.p))
        ))
    });
    let read = format!(
        "Differences with {level:.0} % intervals of a paired bootstrap over documents; p by Holm's correction for the {} rows; * marks \
         a difference that is more than chance",
        compared.pairs.len()
    );
    [read].into_iter().chain(tests).collect()
}

fn record(pair: &HarnessPair, second: &str) -> Record {
    let found = pair.significance;
    Record {
        method: second.to_owned(),
        dataset: pair.task.clone(),
        metric: match pair.filter.as_str() {
            "none" => pair.metric.clone(),
            filter => format!("{},{filter}", pair.metric),
        },
        value: pair.means[1],
        difference: pair.difference,
        difference_low: pair.difference_low,
        difference_high: pair.difference_high,
        test: found.map_or("", |found| match found.test {
            PairedTest::McNemar => "mcnemar",
            PairedTest::Permutation => "permutation",
        }),
        p: found.map(|found| found.p),
        p_adjusted: found.map(|found| found.p_adjusted),
        significant: found.map(|found| found.significant),
        ..Record::default()
    }
}
