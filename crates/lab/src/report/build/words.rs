//! Lists and names as sentences and cells have them.

use layerlab_eval::{Comparison, Metric};
use layerlab_score::{MethodId, Plan, Schedule};
use layerlab_stats::FEW_UNITS;

use crate::report::{number::significant, section::Cell};

/// A plan's method and, where there is a choice, its schedule.
pub(in crate::report) fn plan_label(plan: &Plan) -> String {
    // Commas part names in sentences.
    let label = match plan.label.split_once(", ") {
        Some((method, form)) => format!("{method} ({form})"),
        None => plan.label.clone(),
    };
    let search = match plan.method {
        MethodId::LossChange => "greedy",
        _ => "iterative",
    };
    match plan.schedule {
        Schedule::OneShot => label,
        Schedule::Iterative => format!("{label} ({search})"),
        Schedule::IterativeScale => format!("{label} ({search} with scale)"),
        Schedule::IterativeRefit => format!("{label} ({search} with refit)"),
    }
}

/// Layers beside each other.
pub(super) fn layer_list<'a>(layers: impl IntoIterator<Item = &'a usize>) -> String {
    let layers: Vec<String> = layers.into_iter().map(ToString::to_string).collect();
    layers.join(" ")
}

/// `layer 3`, or `layers 3, 5 and 8`.
pub(super) fn layers_in_words<'a>(layers: impl IntoIterator<Item = &'a usize>) -> String {
    let layers: Vec<String> = layers.into_iter().map(ToString::to_string).collect();
    let noun = if layers.len() == 1 { "layer" } else { "layers" };
    format!("{noun} {}", all_of(&layers))
}

/// `a`, `a and b`, or `a, b and c`.
pub(super) fn all_of(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A number with what is counted, `1 window` or `2 windows`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{} {noun}s", crate::report::count(count)),
    }
}

/// A share that was kept; far more than all is told by its power of ten.
pub(in crate::report) fn kept(share: f64) -> String {
    match share {
        share if (0.001..1000.0).contains(&share) => format!("{share:.3}"),
        share => significant(Some(share)),
    }
}

/// A share that was kept, in percent.
pub(super) fn kept_percent(share: f64) -> String {
    match 100.0 * share {
        percent if percent >= 10.0 => format!("{percent:.0} %"),
        percent if percent >= 0.1 => format!("{percent:.1} %"),
        percent if percent >= 0.001 => format!("{percent:.3} %"),
        percent => format!("{percent:.1e} %"),
    }
}

/// The last part of a path.
pub(in crate::report) fn file_name(path: &str) -> &str {
    let parts = path.rsplit(['/', '\\']);
    parts
        .into_iter()
        .find(|part| !part.is_empty())
        .unwrap_or(path)
}

/// A metric's name, with an arrow where less is better.
pub(super) fn metric_name(metric: Metric) -> String {
    match metric.higher_is_better() {
        true => metric.label().to_owned(),
        false => format!("{} ↓", metric.label()),
    }
}

/// The corrected p-value; the star stands at the value.
pub(super) fn p_value(compared: &Comparison) -> Option<String> {
    let found = compared.significance?;
    Some(match found.p_adjusted {
        p if p < 0.001 => "p < 0.001".to_owned(),
        p => format!("p {p:.3}"),
    })
}

/// A column's heading of a metric on a dataset.
pub(super) fn metric_heading(metric: Metric, dataset: &str) -> Cell {
    Cell::from(metric_name(metric)).with_details([file_name(dataset).to_owned()])
}

/// What stars of a table mean, and what p-values and intervals are of.
pub(super) fn p_notes<'a>(mut compared: impl Iterator<Item = &'a Comparison>) -> Vec<String> {
    let Some(found) = compared.find_map(|compared| compared.significance) else {
        return Vec::new();
    };
    let corrected = match found.comparisons {
        1 => String::new(),
        count => format!(", corrected by Holm's method for the {count} comparisons of this table"),
    };
    vec![
        format!("* significant: p at most {}{corrected}.", found.alpha),
        format!(
            "p is of McNemar's exact test where items are right or wrong, else of a permutation test of pairs; fewer than \
             {FEW_UNITS} items or windows are never significant. Intervals are of each figure alone; ~ marks those of fewer than \
             {FEW_UNITS} items or windows, which are too narrow."
        ),
    ]
}
