//! Perplexity against layers removed, a line for each plan.

use layerlab_score::Plan;
use maud::{Markup, html};

use super::axis::Axis;
use crate::report::{PruningReport, number::significant, task_table::plan_label};

const WIDTH: f64 = 700.0;
const LEAST_HEIGHT: f64 = 280.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 240.0;
const FOOT: f64 = 24.0;
const HEAD: f64 = 8.0;
/// Labels stand at least this far apart.
const LINE: f64 = 13.0;
/// From a line's end to its label.
const LEADER: f64 = 16.0;

pub(super) fn chart(whole: Option<f64>, pruning: &PruningReport) -> Markup {
    let Some(whole) = whole else {
        return html! {};
    };
    let line = |plan: &Plan| -> Vec<(f64, f64)> {
        let removed = (1..=plan.removed.len()).filter_map(|count| {
            let perplexity = pruning.outcome(plan, count)?.perplexity()?;
            Some((count as f64, perplexity))
        });
        [(0.0, whole)].into_iter().chain(removed).collect()
    };
    let lines: Vec<(String, Vec<(f64, f64)>)> = pruning
        .plans
        .iter()
        .map(|plan| (plan_label(plan), line(plan)))
        .collect();
    let height = LEAST_HEIGHT.max(HEAD + FOOT + LINE * lines.len() as f64);
    let points = || lines.iter().flat_map(|(_, points)| points.iter().copied());
    let across = Axis::linear(points().map(|point| point.0), LEFT, WIDTH - RIGHT);
    let upwards = Axis::logarithmic(points().map(|point| point.1), height - FOOT, HEAD);
    let (Some(across), Some(upwards)) = (across, upwards) else {
        return html! {};
    };
    let path = |points: &[(f64, f64)]| {
        let places = points.iter().map(|(count, perplexity)| {
            format!("{},{}", across.at(*count), upwards.at(*perplexity))
        });
        places.collect::<Vec<_>>().join(" ")
    };
    let frontier = pruning.frontier();
    let best: Vec<(f64, f64)> = [(0.0, whole)]
        .into_iter()
        .chain(
            frontier
                .iter()
                .map(|point| (point.removed.len() as f64, point.perplexity)),
        )
        .collect();
    let most = points().map(|point| point.0).fold(0.0, f64::max) as usize;
    html! {
        figure.large {
            figcaption { "Perplexity (logarithmic) for each number of layers removed; the Pareto line is heavy." }
            svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label="perplexity against layers removed" {
                @for tick in upwards.ticks() {
                    line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(upwards.at(tick)) y2=(upwards.at(tick)) {}
                    text.soft x=(LEFT - 6.0) y=(upwards.at(tick) + 4.0) text-anchor="end" { (significant(Some(tick))) }
                }
                @for count in 0..=most {
                    text.soft x=(across.at(count as f64)) y=(height - 6.0) text-anchor="middle" { (count) }
                }
                @for (_, points) in &lines { polyline.path points=(path(points)) {} }
                polyline.path.best points=(path(&best)) {}
                @for label in labels(&lines, &upwards) {
                    line.grid x1=(WIDTH - RIGHT) x2=(WIDTH - RIGHT + LEADER) y1=(label.end)
                        y2=(format!("{:.1}", label.place)) {}
                    text x=(WIDTH - RIGHT + LEADER + 4.0) y=(format!("{:.1}", label.place + 4.0)) { (label.name) }
                }
            }
        }
    }
}

/// A name, where its line ends, and where there is room for it.
struct Label<'a> {
    end: f64,
    place: f64,
    name: &'a str,
}

/// Names beside the ends of their lines, pushed apart where lines end close together.
fn labels<'a>(lines: &'a [(String, Vec<(f64, f64)>)], upwards: &Axis) -> Vec<Label<'a>> {
    let labels = lines.iter().filter_map(|(name, points)| {
        let end = upwards.at(points.last()?.1);
        Some(Label {
            end,
            place: end,
            name,
        })
    });
    let mut labels: Vec<Label<'_>> = labels.collect();
    // Upwards from the lowest line, then down again from the top, where there is room for all.
    labels.sort_by(|a, b| b.end.total_cmp(&a.end));
    let mut below = f64::INFINITY;
    for label in &mut labels {
        label.place = label.place.min(below - LINE);
        below = label.place;
    }
    let mut above = HEAD - LINE;
    for label in labels.iter_mut().rev() {
        label.place = label.place.max(above + LINE);
        above = label.place;
    }
    labels
}
