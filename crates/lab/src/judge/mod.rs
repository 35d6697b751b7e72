//! The experiments behind `layerlab eval` and `layerlab compare`, and of removals that someone has chosen: what a
//! model can do.

mod removals;

use std::collections::BTreeSet;

use layerlab_eval::{Dataset, EvalOptions, Task, TaskResult};
use layerlab_model::ModelFiles;
pub(crate) use removals::judge;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web_time::Instant;

use crate::{
    LabError, OpenModel, Progress, Run, Stages,
    evaluate::{Exam, ModelTurn, comparisons, corrected, dated, few},
    report::{ComparisonReport, Experiment, ModelReport, Outcome, Report, count},
    stage_cache::{StageCache, fingerprint},
};

/// Asks the model every dataset. `created` is the time of the report as RFC 3339.
///
/// # Errors
/// When an option is out of range, the model cannot read an item, the device fails, or the caller asks to
/// stop.
pub async fn evaluate_model<F: ModelFiles>(
    model: &OpenModel<F>,
    datasets: &[Dataset],
    options: &EvalOptions,
    created: String,
    run: &mut Run<'_>,
) -> Result<Report, LabError> {
    let start = Instant::now();
    let exam = Exam {
        tokenizer: &model.tokenizer,
        datasets,
        options,
    };
    let valid = options.validate(&model.tokenizer);
    valid.map_err(LabError::from)?;
    let alone = ModelTurn { models: 0, of: 1 };
    let evaluation = exam.take(&model.decoder, alone, run).await?;
    run.step(Progress::Hashing).await?;
    let mut report = Report::begin(model, Experiment::Evaluate, created).await?;
    report.warnings.extend(few(&evaluation));
    report.warnings.extend(dated(&model.tokenizer, options));
    report.evaluation = evaluation;
    report.timings.evaluate_seconds = Some(start.elapsed().as_secs_f64());
    Ok(report)
}

/// Asks another model what `report`'s model was asked and compares them item by item.
///
/// # Errors
/// As [`evaluate_model`].
pub async fn compare_models<F: ModelFiles>(
    mut report: Report,
    changed: &OpenModel<F>,
    datasets: &[Dataset],
    options: &EvalOptions,
    run: &mut Run<'_>,
) -> Result<Report, LabError> {
    let start = Instant::now();
    let exam = Exam {
        tokenizer: &changed.tokenizer,
        datasets,
        options,
    };
    let valid = options.validate(&changed.tokenizer);
    valid.map_err(LabError::from)?;
    let second = ModelTurn { models: 1, of: 2 };
    let evaluation = exam.take(&changed.decoder, second, run).await?;
    run.step(Progress::Hashing).await?;
    report.experiment = Experiment::Compare;
    let model = ModelReport::of(changed).await?;
    let of_second = model.warnings.iter();
    let of_second = of_second.map(|warning| format!("{}: {warning}", model.name));
    report.warnings.extend(of_second);
    let mut compared = comparisons(&report.evaluation, &evaluation, options);
    corrected(compared.iter_mut());
    let warnings = different_tokens(&report.evaluation, &evaluation);
    let dated = dated(&changed.tokenizer, options);
    for warning in few(&evaluation).into_iter().chain(warnings).chain(dated) {
        if !report.warnings.contains(&warning) {
            report.warnings.push(warning);
        }
    }
    report.comparison = Some(ComparisonReport {
        model,
        compared,
        evaluation,
    });
    let seconds = report.timings.evaluate_seconds.unwrap_or(0.0);
    report.timings.evaluate_seconds = Some(seconds + start.elapsed().as_secs_f64());
    Ok(report.concluded())
}

/// Where two models read a text as different tokens.
fn different_tokens(original: &[TaskResult], changed: &[TaskResult]) -> Vec<String> {
    let pairs = original.iter().filter_map(|original| {
        let same = |changed: &&TaskResult| {
            changed.dataset == original.dataset && changed.sha256 == original.sha256
        };
        let changed = changed.iter().find(same)?;
        if original.reads_same_tokens(changed) {
            return None;
        }
        let tokens = |result: &TaskResult| match result.task {
            Task::Perplexity { tokens, .. } => tokens,
            _ => 0,
        };
        Some(format!(
            "{}: the models read it as different tokens ({} and {} of them predicted), so that their perplexities say nothing \
             of each other; they are compared in bits per byte",
            original.dataset,
            count(tokens(original)),
            count(tokens(changed))
        ))
    });
    pairs.collect()
}

/// What the whole model and the model without some layers made of the same datasets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// The whole model.
    pub evaluation: Vec<TaskResult>,
    /// Each without some layers, in the order asked for.
    pub outcomes: Vec<Outcome>,
}

/// Asks the model, whole and without each of `removals`, every dataset. What was asked before is taken from
/// `stages`.
///
/// # Errors
/// As [`evaluate_model`], and when a layer does not exist or none would be left.
pub async fn judge_removals<F: ModelFiles>(
    model: &OpenModel<F>,
    datasets: &[Dataset],
    removals: &[BTreeSet<usize>],
    options: &EvalOptions,
    stages: &mut dyn Stages,
    run: &mut Run<'_>,
) -> Result<Judged, LabError> {
    let valid = options.validate(&model.tokenizer);
    valid.map_err(LabError::from)?;
    let inputs = (datasets, options);
    let mut kept = StageCache::new(fingerprint(model, inputs).await?, stages);
    let sets: Vec<(BTreeSet<usize>, bool)> = removals
        .iter()
        .map(|removed| (removed.clone(), true))
        .collect();
    let (mut judged, _) = judge(model, datasets, &sets, options, &mut kept, run).await?;
    let outcomes = judged.outcomes.iter_mut();
    corrected(outcomes.flat_map(|outcome| &mut outcome.compared));
    Ok(judged)
}
