//! The tables of a report, as rows of cells; terminal and Markdown differ only in how they draw them.

use comfy_table::{Cell, CellAlignment, Table, TableComponent};
use layerlab_score::{MethodScores, Role};

use super::{Report, bytes, count, number::significant};

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

    fn draw(self, header: Vec<String>, rows: Vec<Vec<String>>) -> String {
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
    /// The report as tables for a terminal.
    pub fn to_table(&self) -> String {
        let heading = |text: &str| text.to_owned();
        self.sections(Style::Terminal, &heading)
    }

    /// All sections in order, with headings as the view writes them.
    pub(super) fn sections(&self, style: Style, heading: &dyn Fn(&str) -> String) -> String {
        let score = &self.options.score;
        let avss = format!(
            "AVSS reads the {} tap with {} variance and ε = {}.",
            score.tap, score.estimator, score.epsilon
        );
        let percent = 100.0 * score.confidence;
        let intervals = match score.resamples {
            0 => "no intervals were asked for".to_owned(),
            resamples => format!("{percent} % bootstrap intervals over {resamples} resamples"),
        };
        let mut sections = vec![
            self.summary().join("\n"),
            format!(
                "{}\n{}\nLowest score (highest where marked ↓) goes first: #1. In brackets: {intervals}.\n{avss}",
                heading("Scores"),
                self.scores_table(style, Role::Ranking),
            ),
            format!(
                "{}\n{}",
                heading(&match self.scores.lowest {
                    1 => "Probability of being the lowest".to_owned(),
                    lowest => format!("Probability of being among the {lowest} lowest"),
                }),
                self.probability_table(style),
            ),
            format!(
                "{}\n{}",
                heading("Order of removal, first to go first"),
                self.order_table(style)
            ),
            format!(
                "{}\n{}",
                heading("Parts of AVSS"),
                self.scores_table(style, Role::Part)
            ),
        ];
        let warnings: Vec<String> = self
            .warnings
            .iter()
            .chain(&self.scores.warnings)
            .map(|warning| format!("- {warning}"))
            .collect();
        if !warnings.is_empty() {
            sections.push(format!("{}\n{}", heading("Warnings"), warnings.join("\n")));
        }
        sections.push(self.footer());
        sections.join("\n\n") + "\n"
    }

    fn summary(&self) -> Vec<String> {
        let (model, data) = (&self.model, &self.data);
        vec![
            format!(
                "Model   {}: {}, {} layers, {} channels, {} parameters, {} ({})",
                model.name,
                model.family,
                model.layers,
                model.hidden_size,
                count(model.parameters),
                bytes(model.weight_bytes),
                model.dtypes.join(", ")
            ),
            format!(
                "Text    {}: {} tokens in {} sequences of at most {}{}",
                data.name,
                count(data.tokens),
                data.sequences,
                data.sequence_length,
                if data.bos { ", each with BOS" } else { "" }
            ),
            format!("Device  {}", self.device.line()),
        ]
    }

    fn footer(&self) -> String {
        let times = &self.timings;
        format!(
            "Loaded in {:.2} s, measured in {:.2} s ({:.0} tokens/s), scored in {:.2} s, hashed in {:.2} s.",
            times.load_seconds,
            times.measure_seconds,
            times.tokens_per_second,
            times.score_seconds,
            times.hash_seconds,
        )
    }

    fn of_role(&self, role: Role) -> Vec<&MethodScores> {
        let methods = self.scores.methods.iter();
        methods.filter(|method| method.role == role).collect()
    }

    fn scores_table(&self, style: Style, role: Role) -> String {
        let methods = self.of_role(role);
        let cell = |method: &MethodScores, layer: usize| {
            let score = &method.layers[layer];
            let mut cell = significant(score.value);
            if let (Role::Ranking, Some(rank)) = (role, score.rank) {
                cell.push_str(&format!(" #{rank}"));
            }
            if let (Role::Ranking, Some(low), Some(high)) = (role, score.low, score.high) {
                let separator = match style {
                    Style::Terminal => "\n",
                    Style::Markdown => " ",
                };
                let (low, high) = (significant(Some(low)), significant(Some(high)));
                cell.push_str(&format!("{separator}[{low}, {high}]"));
            }
            cell
        };
        self.by_layer(style, &methods, &cell)
    }

    fn probability_table(&self, style: Style) -> String {
        let methods = self.of_role(Role::Ranking);
        self.by_layer(style, &methods, &|method, layer| {
            let probability = method.layers[layer].probability_lowest;
            probability.map_or("–".into(), |probability| format!("{probability:.2}"))
        })
    }

    fn by_layer(
        &self,
        style: Style,
        methods: &[&MethodScores],
        cell: &dyn Fn(&MethodScores, usize) -> String,
    ) -> String {
        let titles = methods.iter().map(|method| title(method));
        let header = ["layer".to_owned()].into_iter().chain(titles).collect();
        let rows = (0..self.model.layers).map(|layer| {
            let cells = methods.iter().map(|method| cell(method, layer));
            [layer.to_string()].into_iter().chain(cells).collect()
        });
        style.draw(header, rows.collect())
    }

    fn order_table(&self, style: Style) -> String {
        let agreement = &self.scores.agreement;
        let with_avss = |method: &MethodScores| {
            let index = |id: &str| agreement.methods.iter().position(|known| known == id);
            let row = agreement.spearman.get(index("avss")?)?;
            *row.get(index(&method.id)?)?
        };
        let ranked = self.scores.methods.iter();
        let rows = ranked
            .filter(|method| method.role != Role::Part)
            .map(|method| {
                let mut order: Vec<_> = method
                    .layers
                    .iter()
                    .filter_map(|layer| Some((layer.rank?, layer.layer.to_string())))
                    .collect();
                order.sort();
                let order: Vec<String> = order.into_iter().map(|(_, layer)| layer).collect();
                vec![
                    method.label.clone(),
                    order.join(" "),
                    with_avss(method).map_or(String::new(), |rho| format!("{rho:.2}")),
                    method.source.clone(),
                ]
            });
        let header = ["method", "layers", "ρ with AVSS", "source"].map(Into::into);
        style.draw(header.to_vec(), rows.collect())
    }
}

/// The column's heading; the arrow marks where a low value means important.
fn title(method: &MethodScores) -> String {
    match method.direction {
        layerlab_score::Direction::HighIsImportant => method.label.clone(),
        layerlab_score::Direction::LowIsImportant => format!("{} ↓", method.label),
    }
}
