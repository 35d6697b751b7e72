//! The experiment behind `layerlab score`: what is every layer worth, by every method?

mod measured;
mod scored;

use std::collections::BTreeSet;

use layerlab_model::{Decoder, ModelFiles};
use layerlab_score::ScoreOptions;
use layerlab_stats::Tap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    LabError, MeasureOptions, OpenModel, Run, Text,
    calibration::{Calibration, Passages, TaskAnswers},
    prune::Subject,
    report::Report,
};

pub use measured::Measured;
pub(crate) use scored::Scored;

/// What to score, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScoreRequest {
    /// Estimator, threshold, tap, bootstrap.
    pub score: ScoreOptions,
    /// Taps whose statistics go into the report beside those that the scores need.
    pub extra_taps: BTreeSet<Tap>,
    /// How many blocks apart hidden states are compared, for angular distances of n blocks.
    pub spans: BTreeSet<usize>,
    /// Whether the loss without each layer is measured too, which takes about half as many forward passes
    /// as there are layers.
    pub loss_change: bool,
    /// Right answers whose loss is measured without each layer; that of the text if none.
    #[serde(default)]
    pub answers: Option<TaskAnswers>,
    /// Sequences in memory at a time: those of a forward pass, or on the CPU of the passes of all threads together. More of
    /// them need more memory for activations; on the CPU a small model is fastest where they are as many as threads, or
    /// several times as many.
    pub batch: usize,
}

impl Default for ScoreRequest {
    fn default() -> Self {
        Self {
            score: ScoreOptions::default(),
            extra_taps: BTreeSet::new(),
            spans: BTreeSet::from([1]),
            loss_change: false,
            answers: None,
            batch: 4,
        }
    }
}

impl ScoreRequest {
    /// What plans are made for: the decoder, the passages of a text, and those of the answers where there are any.
    pub(crate) fn subject<'a>(
        &'a self,
        decoder: &'a Decoder,
        passages: &'a Passages<'a>,
        answers: Option<&'a Passages<'a>>,
    ) -> Subject<'a> {
        let batch = self.batch;
        Subject {
            decoder,
            calibration: Calibration::of(passages, batch),
            answers: answers.map(|passages| Calibration::of(passages, batch)),
            scoring: self,
        }
    }

    pub(crate) fn measure_options(&self) -> MeasureOptions {
        // Relative AVSS needs the first two, AVSS the tap that it is asked for.
        let mut taps = BTreeSet::from([Tap::Input, Tap::Update, Tap::Output, self.score.tap]);
        taps.extend(&self.extra_taps);
        MeasureOptions {
            taps,
            epsilon: self.score.epsilon,
            spans: self.spans.clone(),
            batch: self.batch,
        }
    }
}

/// Measures the text on the model and scores every layer by every method. `created` is the time of the
/// report as RFC 3339: what tells the time differs from face to face.
///
/// # Errors
/// When an option is out of range, the model cannot read the text, the device fails, or the caller asks
/// to stop.
pub async fn score_layers<F: ModelFiles>(
    model: &OpenModel<F>,
    text: &Text,
    request: &ScoreRequest,
    created: String,
    run: &mut Run<'_>,
) -> Result<Report, LabError> {
    let measured = Measured::of(model, text, request, run).await?;
    measured.report(model, &request.score, created, run).await
}
