//! What every plan keeps of the whole model, metric by metric.

use layerlab_eval::Metric;
use maud::{Markup, html};

use super::axis::Axis;
use crate::report::{
    Report,
    task_table::{Row, file_name, kept},
};

const WIDTH: f64 = 560.0;
const LEFT: f64 = 240.0;
const RIGHT: f64 = 60.0;
const ROW: f64 = 18.0;

pub(super) fn chart(report: &Report) -> Markup {
    let rows = report.rows();
    let changed = &rows[1.min(rows.len())..];
    html! {
        @if !changed.is_empty() {
            div.panels.wide {
                @for (task, metric) in report.metrics() {
                    @if changed.iter().any(|row| row.comparison(&task.dataset, metric).is_some()) {
                        (panel(changed, &task.dataset, metric))
                    }
                }
            }
        }
    }
}

fn panel(rows: &[Row<'_>], dataset: &str, metric: Metric) -> Markup {
    let compared = rows.iter().map(|row| row.comparison(dataset, metric));
    let values = compared.clone().flatten().flat_map(|compared| {
        [
            compared.retained,
            compared.retained_low,
            compared.retained_high,
        ]
    });
    // Losing nearly all is common, so that shares are shown by their logarithm.
    let axis = Axis::logarithmic(values.flatten().chain([1.0]), LEFT, WIDTH - RIGHT);
    let height = ROW * rows.len() as f64;
    let title = format!("{} kept, {}", metric.label(), file_name(dataset));
    html! {
        @if let Some(axis) = axis {
            figure {
                figcaption { (title) }
                svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(title) {
                    line.one x1=(axis.at(1.0)) x2=(axis.at(1.0)) y1="0" y2=(height) {}
                    @for (index, (row, compared)) in rows.iter().zip(compared).enumerate() {
                        @let middle = ROW * (index as f64 + 0.5);
                        text x=(LEFT - 8.0) y=(middle + 4.0) text-anchor="end" { (row.label) }
                        @if let Some(compared) = compared {
                            @if let Some((low, high)) = compared.retained_low.zip(compared.retained_high) {
                                line.whisker x1=(axis.at(low)) x2=(axis.at(high)) y1=(middle) y2=(middle) {}
                            }
                            @if let Some(retained) = compared.retained {
                                circle.dot cx=(axis.at(retained)) cy=(middle) r="4" {}
                                text x=(WIDTH) y=(middle + 4.0) text-anchor="end" { (kept(retained)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
