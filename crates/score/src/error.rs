//! What can be wrong with a request for scores.

use layerlab_stats::{MOST_RESAMPLES, Tap};
use thiserror::Error;

use crate::hallucination::MOST_SHUFFLES;

/// Scores that cannot be computed.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ScoreError {
    /// There are no layers or no sequences.
    #[error("nothing was measured: there are no layers or no sequences")]
    NothingMeasured,
    /// A score needs a tap that was not measured.
    #[error("layer {layer} was not measured at the {tap} tap, which {method} needs")]
    TapNotMeasured {
        /// The layer.
        layer: usize,
        /// The tap.
        tap: Tap,
        /// The score.
        method: &'static str,
    },
    /// The confidence level is not inside (0, 1).
    #[error("the confidence level must be between 0 and 1, not {0}")]
    Confidence(f64),
    /// More resamples than any interval needs.
    #[error("at most {most} resamples can be drawn, not {0}", most = MOST_RESAMPLES)]
    Resamples(usize),
    /// More shuffles than make sense.
    #[error("labels can be shuffled at most {most} times, not {0}", most = MOST_SHUFFLES)]
    Shuffles(usize),
    /// More layers are to be removed than there are, or none would be left.
    #[error("{lowest} of {layers} layers cannot be the lowest: at least one must remain")]
    Lowest {
        /// How many were asked for.
        lowest: usize,
        /// How many there are.
        layers: usize,
    },
}
