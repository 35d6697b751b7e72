//! How likely answers are, and by how much each layer moves that.

use std::borrow::Cow;

use layerlab_eval::Continued;
use layerlab_model::{Decoder, DecoderSpec};
use layerlab_score::{AnswerLosses, LayerLosses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    LabError, Run,
    calibration::{Calibration, PassRequest, Passages, leave_out_seconds},
};

/// Tokens that are passed together, padding included.
const TOKENS_AT_ONCE: usize = 1024;

/// Whether the margin of right answers over wrong ones is measured without each layer, which takes about half as many passes of all
/// answers as there are layers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MarginChange {
    /// It is.
    Always,
    /// It is not.
    Never,
    /// It is where it should take no longer than this.
    Within {
        /// Seconds for a dataset.
        seconds: f64,
    },
}

impl Default for MarginChange {
    fn default() -> Self {
        Self::Within { seconds: 60.0 }
    }
}

impl MarginChange {
    /// Whether it is measured where one pass of the answers took so long.
    pub(super) fn is_wanted(self, pass_seconds: f64, spec: &DecoderSpec) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Within { seconds } => leave_out_seconds(pass_seconds, spec) <= seconds,
        }
    }
}

/// Summed cross-entropy of all answers, factual and hallucinated, in the order of their pairs; without each layer too where
/// `leaves_out` says so.
pub(super) async fn answer_losses(
    decoder: &Decoder,
    sides: [&[&Continued]; 2],
    leaves_out: bool,
    run: &mut Run<'_>,
) -> Result<AnswerLosses, LabError> {
    let layers = decoder.spec().layers();
    let pairs = sides[0].len();
    let answers: Vec<&Continued> = sides.concat();
    // Neighbours in length waste little on padding.
    let mut order: Vec<usize> = (0..answers.len()).collect();
    order.sort_by_key(|&place| std::cmp::Reverse(answers[place].ids.len()));
    let sorted = order.iter().map(|&place| answers[place]);
    let passages = Passages {
        sequences: Cow::Owned(sorted.clone().map(|answer| answer.ids.clone()).collect()),
        starts: Cow::Owned(sorted.map(|answer| answer.start).collect()),
    };
    let longest = passages.sequences.first().map_or(1, Vec::len);
    let wanted = PassRequest {
        without: (0..layers).filter(|_| leaves_out).collect(),
        whole: true,
        ..PassRequest::default()
    };
    let calibration = Calibration::of(&passages, (TOKENS_AT_ONCE / longest).max(1));
    let found = calibration.pass(decoder, &wanted, run).await?.losses;
    let side = |places: std::ops::Range<usize>| {
        let mut losses = LayerLosses {
            tokens: vec![0; pairs],
            whole: vec![0.0; pairs],
            without: vec![vec![0.0; if leaves_out { pairs } else { 0 }]; layers],
        };
        let of_side = order.iter().enumerate();
        for (found_at, place) in of_side.filter(|(_, place)| places.contains(place)) {
            let pair = place - places.start;
            losses.tokens[pair] = found.tokens[found_at];
            losses.whole[pair] = found.whole[found_at];
            if leaves_out {
                for (layer, found) in losses.without.iter_mut().zip(&found.without) {
                    layer[pair] = found[found_at];
                }
            }
        }
        losses
    };
    Ok(AnswerLosses {
        factual: side(0..pairs),
        hallucinated: side(pairs..2 * pairs),
    })
}
