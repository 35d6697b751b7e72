//! What scoring found, before it is part of a report.

use layerlab_stats::FEW_UNITS;
use serde::{Deserialize, Serialize};

use crate::{
    LabError, OpenModel, Run, Text,
    prune::BlockPasses,
    report::{Report, ScoringReport},
};

use super::{Measured, ScoreRequest};

/// What scoring found, before it is part of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scored {
    pub scoring: ScoringReport,
    pub block_passes: Vec<BlockPasses>,
    pub(super) measure_seconds: f64,
    pub(super) leave_out_seconds: Option<f64>,
    pub(super) score_seconds: f64,
}

impl Scored {
    /// Measures the text on the model and scores every layer by every method.
    pub async fn of<F>(
        model: &OpenModel<F>,
        text: &Text,
        request: &ScoreRequest,
        run: &mut Run<'_>,
    ) -> Result<Self, LabError> {
        let measured = Measured::of(model, text, request, run).await?;
        measured.scored(&request.score, run).await
    }

    /// Puts it where it belongs in a report.
    pub fn add_to(self, report: &mut Report) {
        let data = &self.scoring.data;
        if (2..FEW_UNITS).contains(&data.sequences) {
            report.warnings.push(format!(
                "there are only {} sequences: intervals are rough; a longer text or shorter sequences \
                 give better ones",
                data.sequences
            ));
        }
        let per_second = data.tokens as f64 / self.measure_seconds.max(f64::MIN_POSITIVE);
        report.timings.measure_seconds = Some(self.measure_seconds);
        report.timings.tokens_per_second = Some(per_second);
        report.timings.leave_out_seconds = self.leave_out_seconds;
        report.timings.score_seconds = Some(self.score_seconds);
        report.scoring = Some(self.scoring);
    }
}
