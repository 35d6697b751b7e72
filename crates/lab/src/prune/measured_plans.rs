//! The experiment behind `layerlab prune`: plans and nothing more.

use layerlab_model::ModelFiles;
use layerlab_score::Plan;

use super::PlanRequest;
use crate::{LabError, Measured, OpenModel, Run, ScoreRequest, Text};

/// A plan for each method and schedule that `request` names, by the model's scores on `text`.
///
/// # Errors
/// When a plan cannot be made, the model cannot read the text, the device fails, or the caller asks to
/// stop.
pub async fn plan_removals<F: ModelFiles>(
    model: &OpenModel<F>,
    text: &Text,
    scoring: &ScoreRequest,
    request: &PlanRequest,
    run: &mut Run<'_>,
) -> Result<Vec<Plan>, LabError> {
    let layers = model.decoder.spec().layers();
    request.budget.count(layers, &request.constraints)?;
    let measured = Measured::of(model, text, scoring, run).await?;
    measured.plans(model, text, scoring, request, run).await
}
