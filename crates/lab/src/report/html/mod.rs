//! The report as one page with charts: no script, no network, fit to print.

mod axis;
mod frontier;
mod histograms;
mod kept;
mod ranks;
mod scores;

use layerlab_eval::Task;
use layerlab_score::Role;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    Report, ScoringReport, bytes, count,
    number::significant,
    task_table::{Row, p_value},
};

const STYLE: &str = include_str!("page.css");

impl Report {
    /// The report as a self-contained HTML document.
    pub fn to_html(&self) -> String {
        let title = format!("{} – LayerLab", self.model.name);
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (self.header())
                    main {
                        @if let Some(pruning) = &self.pruning {
                            section {
                                h2 { "What to conclude" }
                                @for sentence in &pruning.conclusions { p.conclusion { (sentence) } }
                            }
                        }
                        @if !self.evaluation.is_empty() {
                            section {
                                h2 { "What is kept" }
                                (self.kept_table())
                                @for note in self.task_notes() { p.soft { (note) } }
                                (kept::chart(self))
                            }
                        }
                        @if let Some(pruning) = &self.pruning {
                            section {
                                h2 { "Perplexity against layers removed" }
                                (frontier::chart(self.whole_perplexity(), pruning))
                            }
                        }
                        @if let Some(scoring) = &self.scoring { (scoring_sections(scoring)) }
                        (self.warnings_section())
                    }
                    footer {
                        "Written by " (self.program.name) " " (self.program.version) " at " (self.created)
                        ". SHA-256 of the weights: " code { (self.model.sha256) }
                    }
                }
            }
        };
        page.into_string()
    }

    fn header(&self) -> Markup {
        let model = &self.model;
        html! {
            header {
                h1 { (model.name) }
                dl {
                    dt { "Model" }
                    dd {
                        (model.family) ", " (model.layers) " layers, " (model.hidden_size) " channels, "
                        (count(model.parameters)) " parameters, " (bytes(model.weight_bytes))
                    }
                    @if let Some(ScoringReport { data, .. }) = &self.scoring {
                        dt { "Scored on" }
                        dd { (data.name) ", " (data.size()) }
                    }
                    @for task in &self.evaluation {
                        dt { "Asked" }
                        dd {
                            (task.dataset) ", "
                            @if let Task::Perplexity { tokens, .. } = &task.task {
                                (count(*tokens)) " tokens in " (task.asked()) " windows"
                            } @else {
                                (task.asked()) " items"
                            }
                            @if task.skipped > 0 { ", " (task.skipped) " records passed over" }
                            @if let Some(mapping) = &task.mapping { "; " (mapping) }
                        }
                    }
                    dt { "Device" }
                    dd { (self.device.line()) }
                }
            }
        }
    }

    fn warnings_section(&self) -> Markup {
        let of_scores = self
            .scoring
            .iter()
            .flat_map(|scoring| &scoring.scores.warnings);
        let warnings: Vec<&String> = self.warnings.iter().chain(of_scores).collect();
        html! {
            @if !warnings.is_empty() {
                section {
                    h2 { "Warnings" }
                    ul { @for warning in warnings { li { (warning) } } }
                }
            }
        }
    }

    fn kept_table(&self) -> Markup {
        let metrics = self.metrics();
        let cell = |row: &Row<'_>, dataset: &str, metric| {
            let result = row.result(dataset, metric);
            let compared = row.comparison(dataset, metric);
            html! {
                td {
                    (significant(result.and_then(|result| result.value)))
                    @if compared.is_some_and(|compared| compared.is_significant()) { span.mark { "*" } }
                    @if let Some((low, high)) = result.and_then(|result| result.low.zip(result.high)) {
                        span.interval {
                            @if result.is_some_and(|result| result.rough) { "~ " }
                            (significant(Some(low))) " – " (significant(Some(high)))
                        }
                    }
                    @if let Some(p) = compared.and_then(p_value) { span.interval { (p) } }
                    @if let Some(bits) = row.bits(dataset, metric) {
                        span.interval { (significant(Some(bits))) " bits/byte" }
                    }
                }
            }
        };
        html! {
            table {
                thead {
                    tr {
                        th { "model" }
                        @if self.pruning.is_some() { th { "removed" } }
                        @for (task, metric) in &metrics {
                            th {
                                (metric.label())
                                @if !metric.higher_is_better() { " ↓" }
                                span.interval { (super::task_table::file_name(&task.dataset)) }
                            }
                        }
                    }
                }
                tbody {
                    @for row in self.rows() {
                        tr {
                            th { (row.label) }
                            @if self.pruning.is_some() { td { (row.removed()) } }
                            @for (task, metric) in &metrics { (cell(&row, &task.dataset, *metric)) }
                        }
                    }
                }
            }
        }
    }
}

fn scoring_sections(scoring: &ScoringReport) -> Markup {
    let rankings = scoring.scores.methods.iter();
    let rankings: Vec<_> = rankings
        .filter(|method| method.role == Role::Ranking)
        .collect();
    html! {
        section {
            h2 { "What each layer is worth" }
            p { "One panel for each method, layer 0 at the top; lines are intervals. The dark bar goes first." }
            div.panels { @for method in &rankings { (scores::chart(method)) } }
        }
        section {
            h2 { "Order of removal" }
            p {
                "Rank of each layer, 1 for the first to go. The darker, the more often a layer is among the "
                (scoring.scores.lowest) " lowest of the resamples."
            }
            (ranks::table(&rankings))
        }
        section {
            h2 { "Magnitudes of activations" }
            p { "Share of elements by log2 of their magnitude, at the " (scoring.options.score.tap) " tap." }
            div.panels {
                @for layer in &scoring.statistics {
                    (histograms::chart(layer, scoring.options.score.tap))
                }
            }
        }
    }
}
