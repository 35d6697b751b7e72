//! Shares by powers of two.

use maud::{Markup, html};

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 70.0;
const FOOT: f64 = 14.0;
/// Powers from one written tick to the next.
const TICKS: usize = 8;

pub(super) fn draw(title: &str, aside: &str, from: i32, shares: &[f64]) -> Markup {
    let highest = shares.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let width = WIDTH / shares.len().max(1) as f64;
    html! {
        figure {
            figcaption { (title) " " span.soft { (aside) } }
            svg viewBox=(format!("0 0 {WIDTH} {}", HEIGHT + FOOT)) role="img" aria-label=(format!("magnitudes, {title}")) {
                @for (index, share) in shares.iter().enumerate() {
                    @let height = HEIGHT * share / highest;
                    rect.bar x=(format!("{:.1}", index as f64 * width)) y=(format!("{:.1}", HEIGHT - height))
                        width=(format!("{:.1}", width - 1.0)) height=(format!("{height:.1}")) {}
                }
                line.grid x1="0" x2=(WIDTH) y1=(HEIGHT) y2=(HEIGHT) {}
                @for (index, power) in (0..shares.len()).zip(from..).step_by(TICKS) {
                    text.soft x=(format!("{:.1}", index as f64 * width)) y=(HEIGHT + FOOT - 2.0) { "2^" (power) }
                }
            }
        }
    }
}
