//! One method's scores as bars with intervals.

use layerlab_score::MethodScores;
use maud::{Markup, html};

use super::axis::Axis;
use crate::report::number::significant;

const WIDTH: f64 = 240.0;
const LEFT: f64 = 22.0;
const RIGHT: f64 = 52.0;
const ROW: f64 = 16.0;

pub(super) fn chart(method: &MethodScores) -> Markup {
    let layers = method.layers.iter();
    // Bars begin at nothing.
    let values = layers.flat_map(|layer| [layer.value, layer.low, layer.high, Some(0.0)]);
    let axis = Axis::linear(values.flatten(), LEFT, WIDTH - RIGHT);
    let height = ROW * method.layers.len() as f64;
    html! {
        figure {
            figcaption { (method.label) " " span.soft { "(" (method.source) ")" } }
            @if let Some(axis) = axis {
                svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(method.label) {
                    @for layer in &method.layers {
                        @let top = ROW * layer.layer as f64;
                        @let middle = top + ROW / 2.0;
                        text.soft x=(LEFT - 5.0) y=(middle + 4.0) text-anchor="end" { (layer.layer) }
                        @if let Some(value) = layer.value {
                            @let (from, to) = (axis.at(value.min(0.0)), axis.at(value.max(0.0)));
                            rect.bar.first[layer.rank == Some(1)]
                                x=(from) y=(top + 2.0) width=(format!("{:.1}", to - from)) height=(ROW - 4.0) {}
                            @if let Some((low, high)) = layer.low.zip(layer.high) {
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
