//! Every layer's rank by every method, shaded by how sure it is to be among the lowest.

use layerlab_score::MethodScores;
use maud::{Markup, html};

pub(super) fn table(methods: &[&MethodScores]) -> Markup {
    let layers = methods.first().map_or(0, |method| method.layers.len());
    let shade = |probability: Option<f64>| {
        probability.map(|share| format!("background: rgb(11 110 153 / {:.2})", 0.75 * share))
    };
    html! {
        table {
            thead {
                tr {
                    th { "method" }
                    @for layer in 0..layers { th { (layer) } }
                }
            }
            tbody {
                @for method in methods {
                    tr {
                        th { (method.label) }
                        @for layer in &method.layers {
                            td style=[shade(layer.probability_lowest)] {
                                @match layer.rank { Some(rank) => (rank), None => "–" }
                            }
                        }
                    }
                }
            }
        }
    }
}
