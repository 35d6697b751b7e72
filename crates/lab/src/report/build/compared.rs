//! How one model stands to another, in a cell or a sentence.

use layerlab_eval::{Comparison, Metric, PairedTest};

use super::words::{file_name, kept, p_value};
use crate::{
    TaskComparison,
    report::{
        number::{interval, significant},
        section::Cell,
    },
};

/// What is kept, with its interval and how sure the difference is.
pub(super) fn retained_cell(compared: Option<&Comparison>) -> Cell {
    let Some((compared, share)) = compared.and_then(|one| Some((one, one.retained?))) else {
        return "–".into();
    };
    let ends = compared.retained_low.zip(compared.retained_high);
    let ends = ends.map(|(low, high)| interval([low, high].map(kept), compared.rough));
    Cell {
        significant: compared.is_significant(),
        ..Cell::from(kept(share)).with_details(ends.into_iter().chain(p_value(compared)))
    }
}

/// The change from one model to another: a difference, or for perplexity the share that is kept.
pub(super) fn change_cell(compared: &Comparison) -> Cell {
    if compared.metric == Metric::Perplexity {
        return match retained_cell(Some(compared)) {
            cell if compared.retained.is_some() => Cell {
                text: format!("kept {}", cell.text),
                ..cell
            },
            cell => cell,
        };
    }
    let signed = |value: f64| format!("{value:+.3}");
    let ends = compared.difference_low.zip(compared.difference_high);
    let ends = ends.map(|(low, high)| interval([low, high].map(signed), compared.rough));
    Cell {
        significant: compared.is_significant(),
        ..Cell::from(compared.difference.map_or("–".into(), signed))
            .with_details(ends.into_iter().chain(p_value(compared)))
    }
}

/// The test of one comparison in words.
pub(super) fn of_this_comparison(task: &TaskComparison) -> Option<String> {
    let found = task.comparison.significance?;
    let test = match found.test {
        PairedTest::McNemar => "McNemar's exact test",
        PairedTest::Permutation => "permutation test of pairs",
    };
    Some(format!(
        "{} on {}: p = {} for this comparison alone ({test}), {} corrected",
        task.comparison.metric.label(),
        file_name(&task.dataset),
        significant(Some(found.p)),
        significant(Some(found.p_adjusted))
    ))
}
