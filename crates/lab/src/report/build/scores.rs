//! Every layer by every method, and how far methods agree.

use layerlab_score::{Direction, LayerScore, MethodId, MethodScores, Role};

use super::words::{all_of, file_name, layer_list};
use crate::report::{
    AnswersReport, ScoringReport,
    number::{count, significant},
    section::{Bar, Cell, Chart, Record, Section, Table},
};

impl ScoringReport {
    /// All sections of scores; with `is_all` where the report has nothing else, so that a terminal shows their order at once.
    pub(super) fn sections(&self, is_all: bool) -> Vec<Section> {
        let score = &self.options.score;
        let avss = format!(
            "AVSS reads the {} tap with {} variance and ε = {}.",
            score.tap, score.estimator, score.epsilon
        );
        let intervals = match score.resamples {
            0 => "No intervals were asked for.".to_owned(),
            resamples => format!(
                "In brackets: {} % bootstrap intervals over {resamples} resamples.",
                100.0 * score.confidence
            ),
        };
        let rankings = self.of_role(Role::Ranking);
        let lowest = match self.scores.lowest {
            1 => "being the lowest".to_owned(),
            lowest => format!("being among the {lowest} lowest"),
        };
        vec![
            Section {
                brief: is_all,
                ..self.order_section()
            },
            Section {
                id: "scores",
                title: "Scores".into(),
                table: Some(self.by_layer(&rankings, &score_cell)),
                charts: rankings.iter().map(|method| chart(method)).collect(),
                notes: vec![
                    format!("Lowest score (highest where marked ↓) goes first: #1. {intervals}"),
                    avss,
                ],
                records: self.records(Role::Ranking),
                ..Section::default()
            },
            Section {
                id: "probability",
                title: format!("Probability of {lowest}"),
                table: Some(self.by_layer(&rankings, &|_, score| {
                    let probability = score.probability_lowest;
                    Cell {
                        shade: probability,
                        ..probability.map_or("–".into(), |share| format!("{share:.2}")).into()
                    }
                })),
                notes: vec!["The share of bootstrap resamples in which the layer is among the first to go.".into()],
                records: self.probabilities(&rankings),
                ..Section::default()
            },
            Section {
                id: "parts",
                title: "Parts of AVSS".into(),
                table: Some(self.by_layer(&self.of_role(Role::Part), &|_, score| {
                    significant(score.value).into()
                })),
                notes: vec![
                    "NAV and NAS are a layer's share of all layers' variance and sparsity; CAVSS is the running sum of \
                     normalised AVSS."
                        .into(),
                ],
                records: self.records(Role::Part),
                ..Section::default()
            },
            self.layers_section(),
        ]
    }

    fn of_role(&self, role: Role) -> Vec<&MethodScores> {
        let methods = self.scores.methods.iter();
        methods.filter(|method| method.role == role).collect()
    }

    fn by_layer(
        &self,
        methods: &[&MethodScores],
        cell: &dyn Fn(&MethodScores, &LayerScore) -> Cell,
    ) -> Table {
        let titles = methods.iter().map(|method| title(method).into());
        let rows = (0..self.statistics.len()).map(|layer| {
            // A report from a file need not have as many of everything.
            let cells = methods.iter().map(|method| match method.layers.get(layer) {
                Some(score) => cell(method, score),
                None => "–".into(),
            });
            [Cell::from(layer.to_string())]
                .into_iter()
                .chain(cells)
                .collect()
        });
        Table {
            header: [Cell::from("layer")].into_iter().chain(titles).collect(),
            keys: 1,
            brief: 1 + methods.len(),
            rows: rows.collect(),
        }
    }

    fn records(&self, role: Role) -> Vec<Record> {
        let methods = self.of_role(role).into_iter();
        let rows = methods.flat_map(|method| {
            method.layers.iter().map(|score| Record {
                low: score.low,
                high: score.high,
                rank: score.rank,
                ..record(method, score, "score", score.value)
            })
        });
        rows.collect()
    }

    fn probabilities(&self, methods: &[&MethodScores]) -> Vec<Record> {
        let rows = methods.iter().flat_map(|method| {
            method.layers.iter().map(|score| Record {
                probability_lowest: score.probability_lowest,
                ..record(method, score, "probability", score.probability_lowest)
            })
        });
        rows.collect()
    }

    /// In which order every method would remove layers, and how that goes with the measured loss.
    fn order_section(&self) -> Section {
        let agreement = &self.scores.agreement;
        let with_avss = |method: &MethodScores| {
            let index = |id: MethodId| agreement.methods.iter().position(|known| *known == id);
            let row = agreement.spearman.get(index(MethodId::Avss)?)?;
            *row.get(index(method.id)?)?
        };
        let with_loss = |method: &MethodScores| {
            let mut found = agreement.loss_change.iter();
            found.find(|found| found.method == method.id)
        };
        let measured = !agreement.loss_change.is_empty();
        let ranked = self.scores.methods.iter();
        let ranked: Vec<&MethodScores> = ranked.filter(|one| one.role != Role::Part).collect();
        let rows = ranked.iter().map(|method| {
            let order = method.order();
            let first = order.iter().take(self.scores.lowest);
            let mut cells: Vec<Cell> = vec![method.label.clone().into(), layer_list(first).into()];
            cells.extend(measured.then(|| {
                let found = with_loss(method);
                let rho = found.and_then(|found| found.spearman);
                let ends = found.and_then(|found| found.low.zip(found.high));
                let ends = ends.map(|(low, high)| format!("[{low:.2}, {high:.2}]"));
                Cell::from(rho.map_or(String::new(), |rho| format!("{rho:.2}"))).with_details(ends)
            }));
            cells.push(
                with_avss(method)
                    .map_or(String::new(), |rho| format!("{rho:.2}"))
                    .into(),
            );
            cells.push(method.source.clone().into());
            cells.push(layer_list(&order).into());
            cells
        });
        let mut header: Vec<Cell> = vec!["method".into()];
        header.push(format!("the {} first to go", self.scores.lowest).into());
        header.extend(measured.then(|| "ρ with loss change".into()));
        header.extend(["ρ with AVSS", "source", "whole order"].map(Cell::from));
        let records = ranked.iter().map(|method| {
            let found = with_loss(method);
            Record {
                layers: layer_list(&method.order()),
                metric: "rank correlation with loss change".into(),
                value: found.and_then(|found| found.spearman),
                low: found.and_then(|found| found.low),
                high: found.and_then(|found| found.high),
                ..of_method(method)
            }
        });
        Section {
            id: "order",
            title: "Order of removal".into(),
            notes: vec![format!(
                "ρ: Spearman's rank correlation of two orders of layers; 1 means the same order. Source: an arXiv number, or \
                 ours.{}",
                match (measured, &self.answers) {
                    (true, None) => format!(
                        " Loss change is measured{}: the mean loss per token without the layer, less that with it.",
                        match self.part_of_losses() {
                            Some((some, all)) => format!(", on {some} of {all} sequences so far"),
                            None => String::new(),
                        }
                    ),
                    (true, Some(answers)) => format!(
                        " Loss change is measured, of {}: the mean loss per token without the layer, less that with it.",
                        answers_in_words(answers)
                    ),
                    (false, _) => String::new(),
                }
            )],
            table: Some(Table {
                brief: header.len() - 2,
                keys: 1,
                header,
                rows: rows.collect(),
            }),
            records: records.collect(),
            ..Section::default()
        }
    }
}

fn answers_in_words(answers: &AnswersReport) -> String {
    let names = answers.datasets.iter();
    let names: Vec<String> = names.map(|(name, _)| file_name(name).to_owned()).collect();
    format!(
        "{} right answers ({} tokens) of {}",
        count(answers.answers),
        count(answers.tokens),
        all_of(&names)
    )
}

fn of_method(method: &MethodScores) -> Record {
    Record {
        method: method.id.to_string(),
        role: format!("{:?}", method.role).to_lowercase(),
        source: method.source.clone(),
        ..Record::default()
    }
}

fn record(method: &MethodScores, score: &LayerScore, metric: &str, value: Option<f64>) -> Record {
    Record {
        layer: Some(score.layer),
        metric: metric.into(),
        value,
        ..of_method(method)
    }
}

fn score_cell(_: &MethodScores, score: &LayerScore) -> Cell {
    let rank = score.rank.map(|rank| format!(" #{rank}"));
    let ends = score.low.zip(score.high);
    let ends = ends.map(|(low, high)| {
        let (low, high) = (significant(Some(low)), significant(Some(high)));
        format!("[{low}, {high}]")
    });
    let text = format!("{}{}", significant(score.value), rank.unwrap_or_default());
    Cell::from(text).with_details(ends)
}

fn chart(method: &MethodScores) -> Chart {
    let bars = method.layers.iter().map(|score| Bar {
        label: score.layer.to_string(),
        value: score.value,
        interval: score.low.zip(score.high),
        stands_out: score.rank == Some(1),
    });
    Chart::Bars {
        title: method.label.clone(),
        source: method.source.clone(),
        bars: bars.collect(),
    }
}

/// The column's heading; the arrow marks where a low value means important.
fn title(method: &MethodScores) -> String {
    match method.direction {
        Direction::HighIsImportant => method.label.clone(),
        Direction::LowIsImportant => format!("{} ↓", method.label),
    }
}
