//! A value of each layer as a bar with its interval.

use maud::{Markup, html};

use super::axis::Axis;
use crate::report::{number::significant, section::Bar};

const WIDTH: f64 = 240.0;
const LEFT: f64 = 22.0;
const RIGHT: f64 = 52.0;
const ROW: f64 = 16.0;

pub(super) fn draw(title: &str, source: &str, bars: &[Bar]) -> Markup {
    // Bars begin at nothing.
    let ends = |bar: &Bar| {
        bar.interval
            .map_or([None; 2], |(low, high)| [Some(low), Some(high)])
    };
    let values = bars
        .iter()
        .flat_map(|bar| [bar.value, Some(0.0)].into_iter().chain(ends(bar)));
    let axis = Axis::linear(values.flatten(), LEFT, WIDTH - RIGHT);
    let height = ROW * bars.len() as f64;
    html! {
        figure {
            figcaption { (title) " " span.soft { "(" (source) ")" } }
            @if let Some(axis) = axis {
                svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(title) {
                    @for (row, bar) in bars.iter().enumerate() {
                        @let top = ROW * row as f64;
                        @let middle = top + ROW / 2.0;
                        text.soft x=(LEFT - 5.0) y=(middle + 4.0) text-anchor="end" { (bar.label) }
                        @if let Some(value) = bar.value {
                            @let (from, to) = (axis.at(value.min(0.0)), axis.at(value.max(0.0)));
                            rect.bar.first[bar.stands_out]
                                x=(from) y=(top + 2.0) width=(format!("{:.1}", to - from)) height=(ROW - 4.0) {}
                            @if let Some((low, high)) = bar.interval {
                                line.whisker x1=(axis.at(low)) x2=(axis.at(high)) y1=(middle) y2=(middle) {}
                            }
                            text x=(WIDTH) y=(middle + 4.0) text-anchor="end" { (significant(Some(value))) }
                        }
                    }
                }
            }
        }
    }
}
