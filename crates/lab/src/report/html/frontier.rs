//! Perplexity against layers removed, a line for each plan.

use layerlab_score::Plan;
use maud::{Markup, html};

use super::axis::Axis;
use crate::report::{PruningReport, number::significant, task_table::plan_label};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 190.0;
const FOOT: f64 = 24.0;
/// Labels stand at least this far apart.
const LINE: f64 = 13.0;

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
    let points = || lines.iter().flat_map(|(_, points)| points.iter().copied());
    let across = Axis::linear(points().map(|point| point.0), LEFT, WIDTH - RIGHT);
    let upwards = Axis::logarithmic(points().map(|point| point.1), HEIGHT - FOOT, 8.0);
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
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label="perplexity against layers removed" {
                @for tick in upwards.ticks() {
                    line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(upwards.at(tick)) y2=(upwards.at(tick)) {}
                    text.soft x=(LEFT - 6.0) y=(upwards.at(tick) + 4.0) text-anchor="end" { (significant(Some(tick))) }
                }
                @for count in 0..=most {
                    text.soft x=(across.at(count as f64)) y=(HEIGHT - 6.0) text-anchor="middle" { (count) }
                }
                @for (_, points) in &lines { polyline.path points=(path(points)) {} }
                polyline.path.best points=(path(&best)) {}
                @for (y, name) in labels(&lines, &upwards) {
                    text x=(WIDTH - RIGHT + 6.0) y=(format!("{:.1}", y + 4.0)) { (name) }
                }
            }
        }
    }
}

/// Names beside the ends of their lines, pushed apart where lines end close together.
fn labels<'a>(lines: &'a [(String, Vec<(f64, f64)>)], upwards: &Axis) -> Vec<(f64, &'a str)> {
    let ends = lines.iter().filter_map(|(name, points)| {
        let (_, perplexity) = points.last()?;
        Some((upwards.at(*perplexity), name.as_str()))
    });
    let mut ends: Vec<(f64, &str)> = ends.collect();
    // The lowest line keeps its place, as the one that readers look for; the others move up.
    ends.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut below = f64::INFINITY;
    for (y, _) in &mut ends {
        *y = y.min(below - LINE);
        below = *y;
    }
    ends
}
