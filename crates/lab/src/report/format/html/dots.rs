//! What each model keeps, as a dot with its interval.

use maud::{Markup, html};

use super::axis::Axis;
use crate::report::{build::kept, section::Bar};

const WIDTH: f64 = 560.0;
const LEFT: f64 = 240.0;
const RIGHT: f64 = 60.0;
const ROW: f64 = 18.0;

pub(super) fn draw(title: &str, dots: &[Bar]) -> Markup {
    let ends = |dot: &Bar| {
        dot.interval
            .map_or([None; 2], |(low, high)| [Some(low), Some(high)])
    };
    let values = dots
        .iter()
        .flat_map(|dot| [dot.value].into_iter().chain(ends(dot)));
    // Losing nearly all is common, so that shares are shown by their logarithm.
    let axis = Axis::logarithmic(values.flatten().chain([1.0]), LEFT, WIDTH - RIGHT);
    let height = ROW * dots.len() as f64;
    html! {
        @if let Some(axis) = axis {
            figure {
                figcaption { (title) }
                svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(title) {
                    line.one x1=(axis.at(1.0)) x2=(axis.at(1.0)) y1="0" y2=(height) {}
                    @for (row, dot) in dots.iter().enumerate() {
                        @let middle = ROW * (row as f64 + 0.5);
                        text x=(LEFT - 8.0) y=(middle + 4.0) text-anchor="end" { (dot.label) }
                        @if let Some((low, high)) = dot.interval {
                            line.whisker x1=(axis.at(low)) x2=(axis.at(high)) y1=(middle) y2=(middle) {}
                        }
                        @if let Some(value) = dot.value {
                            circle.dot cx=(axis.at(value)) cy=(middle) r="4" {}
                            text x=(WIDTH) y=(middle + 4.0) text-anchor="end" { (kept(value)) }
                        }
                    }
                }
            }
        }
    }
}
