//! Evaluating in parts: items, or windows of a text.

use layerlab_eval::{Dataset, EvalOptions, TaskResult};
use layerlab_model::ModelFiles;
use web_time::Instant;

use super::{Inputs, NamedShard, ShardDocument, ShardError, ShardTask, document::Found};
use crate::{
    LabError, OpenModel, Report, Run,
    evaluate::{Exam, ModelTurn, dated, few},
    report::Experiment,
};

/// Asks the model a part of every dataset. None where the shard is there already.
///
/// # Errors
/// As [`evaluate_model`](crate::evaluate_model), and when what is there is something else.
pub async fn evaluate_shard<F: ModelFiles>(
    model: &OpenModel<F>,
    datasets: &[Dataset],
    options: &EvalOptions,
    task: ShardTask<'_>,
    run: &mut Run<'_>,
) -> Result<Option<ShardDocument>, LabError> {
    let start = Instant::now();
    let valid = options.validate(&model.tokenizer);
    valid.map_err(LabError::from)?;
    let inputs = Inputs::of(model, Experiment::Evaluate, &datasets, options).await?;
    if task.is_done(&inputs)? {
        return Ok(None);
    }
    let shard = task.shard;
    let exam = Exam {
        tokenizer: &model.tokenizer,
        datasets,
        options,
    };
    let alone = ModelTurn { models: 0, of: 1 };
    let evaluation = exam.take_shard(&model.decoder, shard, alone, run).await?;
    let mut report = Report::begin(model, Experiment::Evaluate, task.created).await?;
    report.evaluation = evaluation;
    report.warnings.extend(dated(&model.tokenizer, options));
    report.timings.evaluate_seconds = Some(start.elapsed().as_secs_f64());
    let options = options.clone();
    let found = Found::Evaluate { options };
    Ok(Some(ShardDocument::new(shard, inputs, report, found)))
}

pub(super) fn joined(shards: &[NamedShard], mut report: Report) -> Result<Report, LabError> {
    let Some(NamedShard { document, .. }) = shards.first() else {
        return Err(ShardError::Nothing.into());
    };
    let shard = document.shard;
    let Found::Evaluate { options } = &document.found else {
        return Err(ShardError::Garbled { shard }.into());
    };
    options.confidence.validate()?;
    let places = 0..document.report.evaluation.len();
    let results = places.map(|place| {
        let parts = shards
            .iter()
            .map(|shard| shard.document.report.evaluation.get(place).cloned());
        let parts: Option<Vec<TaskResult>> = parts.collect();
        TaskResult::joined(&parts?, &options.confidence)
    });
    let results: Option<Vec<TaskResult>> = results.collect();
    report.evaluation = results.ok_or(ShardError::Garbled { shard })?;
    report.warnings.extend(few(&report.evaluation));
    Ok(report)
}
