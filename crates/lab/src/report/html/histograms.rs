//! How large a layer's activations are.

use layerlab_stats::{Histogram, Tap};
use maud::{Markup, html};

use crate::report::{LayerReport, number::significant};

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 70.0;
const FOOT: f64 = 14.0;
/// Octaves shown, from this power of two to the next.
const OCTAVES: std::ops::Range<i32> = -16..8;

pub(super) fn chart(layer: &LayerReport, tap: Tap) -> Markup {
    let Some(report) = layer.taps.get(&tap) else {
        return html! {};
    };
    let empty = std::iter::repeat_n(0, report.histogram.first_bin);
    let counts = empty.chain(report.histogram.counts.iter().copied());
    let histogram = Histogram::from_counts(counts);
    let below = |power: i32| histogram.count_below(2f64.powi(power));
    let total = histogram.total().max(1) as f64;
    let shares: Vec<f64> = OCTAVES
        .map(|power| (below(power + 1) - below(power)) / total)
        .collect();
    let highest = shares.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let width = WIDTH / shares.len() as f64;
    let label = format!("magnitudes of layer {}", layer.layer);
    html! {
        figure {
            figcaption { "layer " (layer.layer) " " span.soft { "RMS " (significant(Some(report.rms))) } }
            svg viewBox=(format!("0 0 {WIDTH} {}", HEIGHT + FOOT)) role="img" aria-label=(label) {
                @for (index, share) in shares.iter().enumerate() {
                    @let height = HEIGHT * share / highest;
                    rect.bar x=(format!("{:.1}", index as f64 * width)) y=(format!("{:.1}", HEIGHT - height))
                        width=(format!("{:.1}", width - 1.0)) height=(format!("{height:.1}")) {}
                }
                line.grid x1="0" x2=(WIDTH) y1=(HEIGHT) y2=(HEIGHT) {}
                @for power in OCTAVES.step_by(8) {
                    @let x = f64::from(power - OCTAVES.start) * width;
                    text.soft x=(format!("{x:.1}")) y=(HEIGHT + FOOT - 2.0) { "2^" (power) }
                }
            }
        }
    }
}
