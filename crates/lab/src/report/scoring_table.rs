//! The tables of scores.

use layerlab_score::{MethodScores, Role};

use super::{ScoringReport, number::significant, table::Style};

impl ScoringReport {
    /// All sections in order, with headings as the view writes them.
    pub(super) fn sections(&self, style: Style, heading: &dyn Fn(&str) -> String) -> Vec<String> {
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
        vec![
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
        ]
    }

    fn of_role(&self, role: Role) -> Vec<&MethodScores> {
        let methods = self.scores.methods.iter();
        methods.filter(|method| method.role == role).collect()
    }

    fn scores_table(&self, style: Style, role: Role) -> String {
        let methods = self.of_role(role);
        let cell = |method: &MethodScores, layer: usize| {
            // A report from a file need not have as many of everything.
            let Some(score) = method.layers.get(layer) else {
                return significant(None);
            };
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
            let score = method.layers.get(layer);
            let probability = score.and_then(|score| score.probability_lowest);
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
        let rows = (0..self.statistics.len()).map(|layer| {
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
        let with_loss = |method: &MethodScores| {
            let mut found = agreement.loss_change.iter();
            let found = found.find(|found| found.method == method.id)?;
            let rho = found.spearman?;
            Some(match found.low.zip(found.high) {
                Some((low, high)) => format!("{rho:.2} [{low:.2}, {high:.2}]"),
                None => format!("{rho:.2}"),
            })
        };
        let measured = !agreement.loss_change.is_empty();
        let ranked = self.scores.methods.iter();
        let rows = ranked
            .filter(|method| method.role != Role::Part)
            .map(|method| {
                let order = method.order();
                let order: Vec<String> = order.iter().map(ToString::to_string).collect();
                let mut cells = vec![
                    method.label.clone(),
                    order.join(" "),
                    with_avss(method).map_or(String::new(), |rho| format!("{rho:.2}")),
                ];
                cells.extend(measured.then(|| with_loss(method).unwrap_or_default()));
                cells.push(method.source.clone());
                cells
            });
        let mut header = vec!["method", "layers", "ρ with AVSS"];
        header.extend(measured.then_some("ρ with loss change"));
        header.push("source");
        let header = header.into_iter().map(Into::into).collect();
        style.draw(header, rows.collect())
    }
}

/// The column's heading; the arrow marks where a low value means important.
fn title(method: &MethodScores) -> String {
    match method.direction {
        layerlab_score::Direction::HighIsImportant => method.label.clone(),
        layerlab_score::Direction::LowIsImportant => format!("{} ↓", method.label),
    }
}
