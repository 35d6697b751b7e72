//! Values against counts, a line each, with their names at the ends.

use maud::{Markup, html};

use super::axis::Axis;
use crate::report::{number::significant, section::Line};

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

pub(super) fn draw(title: &str, lines: &[Line], best: &[(usize, f64)]) -> Markup {
    let height = LEAST_HEIGHT.max(HEAD + FOOT + LINE * lines.len() as f64);
    let points = || lines.iter().flat_map(|line| &line.points).chain(best);
    let across = Axis::linear(points().map(|point| point.0 as f64), LEFT, WIDTH - RIGHT);
    let upwards = Axis::logarithmic(points().map(|point| point.1), height - FOOT, HEAD);
    let (Some(across), Some(upwards)) = (across, upwards) else {
        return html! {};
    };
    let path = |points: &[(usize, f64)]| {
        let places = points
            .iter()
            .map(|(count, value)| format!("{},{}", across.at(*count as f64), upwards.at(*value)));
        places.collect::<Vec<_>>().join(" ")
    };
    let most = points().map(|point| point.0).max().unwrap_or(0);
    html! {
        figure.large {
            figcaption { (title) }
            svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(title) {
                @for tick in upwards.ticks() {
                    line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(upwards.at(tick)) y2=(upwards.at(tick)) {}
                    text.soft x=(LEFT - 6.0) y=(upwards.at(tick) + 4.0) text-anchor="end" { (significant(Some(tick))) }
                }
                @for count in 0..=most {
                    text.soft x=(across.at(count as f64)) y=(height - 6.0) text-anchor="middle" { (count) }
                }
                @for line in lines { polyline.path points=(path(&line.points)) {} }
                polyline.path.best points=(path(best)) {}
                @for label in labels(lines, &upwards) {
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
fn labels<'a>(lines: &'a [Line], upwards: &Axis) -> Vec<Label<'a>> {
    let labels = lines.iter().filter_map(|line| {
        let end = upwards.at(line.points.last()?.1);
        Some(Label {
            end,
            place: end,
            name: &line.label,
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
