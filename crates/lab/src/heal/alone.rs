//! One model healed and judged: what the page asks for.

use std::collections::BTreeSet;

use layerlab_eval::{Dataset, EvalOptions};
use layerlab_model::ModelFiles;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HealRequest, HealedModel, heal_with};
use crate::{
    LabError, OpenModel, Run, Stages, Text,
    evaluate::{Exam, ModelTurn, comparisons, corrected},
    judge::Judged,
    judge_removals,
    report::{HealedOutcome, Outcome},
};

/// The whole model, the model as cut, and the healed one, asked the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealedAlone {
    /// The whole model, and the one as cut.
    pub judged: Judged,
    /// The healed one.
    pub healed: HealedOutcome,
}

/// What is healed, on which text, by what, and what all three models are asked.
#[derive(Clone, Copy)]
pub struct HealTask<'a> {
    /// The layers to remove.
    pub removed: &'a BTreeSet<usize>,
    /// The text that layers are scored on; learned from unless the request has another source.
    pub text: &'a Text,
    /// The first of its ways is taken.
    pub request: &'a HealRequest,
    /// What the models are asked.
    pub datasets: &'a [Dataset],
    /// How they are asked.
    pub eval: &'a EvalOptions,
}

/// Heals the model without some layers, and asks it what the whole model and the one as cut are asked; what these were asked before is taken
/// from `stages`.
///
/// # Errors
/// As [`heal_with`] and [`judge_removals`].
pub async fn heal_and_judge<F: ModelFiles>(
    model: &OpenModel<F>,
    task: HealTask<'_>,
    stages: &mut dyn Stages,
    run: &mut Run<'_>,
) -> Result<(HealedModel, HealedAlone), LabError> {
    let HealTask {
        removed,
        text,
        request,
        datasets,
        eval,
    } = task;
    let sets = [removed.clone()];
    let judged = judge_removals(model, datasets, &sets, eval, stages, run).await?;
    let own = request.own_text(model, run).await?;
    let text = own.as_ref().unwrap_or(text);
    let healed = heal_with(model, removed, text, request, run).await?;
    let exam = Exam {
        tokenizer: &model.tokenizer,
        datasets,
        options: eval,
    };
    let third = ModelTurn { models: 2, of: 3 };
    let tasks = exam.take(&healed.decoder, third, run).await?;
    let mut compared = comparisons(&judged.evaluation, &tasks, eval);
    corrected(compared.iter_mut());
    let outcome = Outcome {
        removed: removed.clone(),
        parameters: model.decoder.without(removed)?.parameters(),
        tasks,
        compared,
        agreement: None,
    };
    let record = healed.record.clone();
    let healed_outcome = HealedOutcome { record, outcome };
    let alone = HealedAlone {
        judged,
        healed: healed_outcome,
    };
    Ok((healed, alone))
}
