//! What to conclude from an experiment, in plain sentences with their uncertainty.

mod hallucination;
mod healing;
mod pruning;
mod quantized;
mod scores;

use super::words::{all_of, file_name};
use crate::{TaskComparison, report::Report};

/// What to conclude from all that a report holds.
pub(crate) fn conclusions(report: &Report) -> Vec<String> {
    let mut sentences = Vec::new();
    match (&report.pruning, &report.scoring) {
        (Some(pruning), _) => sentences.extend(pruning::of_pruning(report, pruning)),
        (None, Some(scoring)) => sentences.extend(scores::of_scores(scoring)),
        (None, None) => {}
    }
    sentences.extend(
        report
            .comparison
            .iter()
            .map(|other| of_models(&other.compared)),
    );
    sentences.extend(
        report
            .quantization
            .iter()
            .flat_map(quantized::of_quantization),
    );
    sentences.extend(
        report
            .hallucination
            .iter()
            .flat_map(hallucination::of_hallucination),
    );
    sentences.extend(report.repair.iter().flat_map(hallucination::of_repair));
    sentences
}

/// Whether two models differ.
fn of_models(compared: &[TaskComparison]) -> String {
    let changed = compared
        .iter()
        .filter(|one| one.comparison.is_significant());
    let changed: Vec<String> = changed
        .map(|one| {
            format!(
                "{} on {}",
                one.comparison.metric.label(),
                file_name(&one.dataset)
            )
        })
        .collect();
    match changed.is_empty() {
        true => "The two models do not differ significantly.".into(),
        false => format!(
            "The two models differ significantly in {}.",
            all_of(&changed)
        ),
    }
}
