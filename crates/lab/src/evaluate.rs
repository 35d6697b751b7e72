//! What a model can do: every dataset, whole and pruned.

use std::ops::ControlFlow;

use layerlab_eval::{
    Comparison, Dataset, EvalOptions, Metric, MetricResult, Shard, Task, TaskResult,
    evaluate_shard, metric::correct,
};
use layerlab_model::{Decoder, Tokenizer};
use layerlab_stats::FEW_UNITS;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LabError, Progress, Run};

/// One model of several that are asked one after the other.
#[derive(Clone, Copy)]
pub(crate) struct ModelTurn {
    pub models: usize,
    pub of: usize,
}

/// Datasets, and how a model is asked.
#[derive(Clone, Copy)]
pub(crate) struct Exam<'a> {
    pub tokenizer: &'a Tokenizer,
    pub datasets: &'a [Dataset],
    pub options: &'a EvalOptions,
}

impl Exam<'_> {
    /// One result for each dataset.
    pub async fn take(
        &self,
        decoder: &Decoder,
        turn: ModelTurn,
        run: &mut Run<'_>,
    ) -> Result<Vec<TaskResult>, LabError> {
        self.take_shard(decoder, Shard::WHOLE, turn, run).await
    }

    /// The same of a part of each dataset.
    pub async fn take_shard(
        &self,
        decoder: &Decoder,
        shard: Shard,
        ModelTurn { models, of }: ModelTurn,
        run: &mut Run<'_>,
    ) -> Result<Vec<TaskResult>, LabError> {
        let mut results = Vec::with_capacity(self.datasets.len());
        for dataset in self.datasets {
            let mut progress = |done, total| {
                let step = Progress::Evaluating {
                    models,
                    of,
                    done,
                    total,
                };
                match run.report(step) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                }
            };
            let (tokenizer, options) = (self.tokenizer, self.options);
            let result = evaluate_shard(decoder, tokenizer, dataset, shard, options, &mut progress);
            results.push(result.await?);
        }
        Ok(results)
    }
}

/// One metric of a changed model beside the original's on the same items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskComparison {
    /// The dataset.
    pub dataset: String,
    /// The metric, compared.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// Every metric that both models have on the same dataset; of perplexity and bits per byte the one that can be compared:
/// perplexity where both read the text as the same tokens, bits per byte where they do not. Not corrected yet for being
/// several.
pub(crate) fn comparisons(
    original: &[TaskResult],
    changed: &[TaskResult],
    options: &EvalOptions,
) -> Vec<TaskComparison> {
    let pairs = original.iter().flat_map(|original| {
        let same = |changed: &&TaskResult| {
            changed.dataset == original.dataset && changed.sha256 == original.sha256
        };
        let changed = changed.iter().find(same);
        let same_tokens = changed.is_some_and(|changed| original.reads_same_tokens(changed));
        let is_comparable = move |result: &&MetricResult| match result.metric {
            Metric::Perplexity => same_tokens,
            Metric::BitsPerByte => !same_tokens,
            _ => true,
        };
        let metrics = original.metrics.iter().filter(is_comparable);
        metrics.filter_map(move |metric| {
            let changed = changed?.metric(metric.metric)?;
            let comparison = Comparison::of(metric, changed, &options.confidence)?;
            Some(TaskComparison {
                dataset: original.dataset.clone(),
                comparison,
            })
        })
    });
    pairs.collect()
}

/// Corrects what one table compares for being several comparisons.
pub(crate) fn corrected<'a>(table: impl Iterator<Item = &'a mut TaskComparison>) {
    let mut table: Vec<&mut Comparison> = table.map(|one| &mut one.comparison).collect();
    correct(&mut table);
}

/// What to beware of where a dataset is too short for its intervals.
pub(crate) fn few(results: &[TaskResult]) -> Vec<String> {
    let short = results.iter().filter(|result| result.items < FEW_UNITS);
    let warnings = short.map(|result| {
        let (units, cure) = match result.task {
            Task::Perplexity { .. } => ("windows", "a longer text or shorter windows"),
            _ => ("items", "more items"),
        };
        format!(
            "{}: the number of {units} is {}, below {FEW_UNITS}, so that bootstrap intervals (marked ~) are too narrow and no \
             difference is called significant; {cure} would tell more",
            result.dataset, result.items
        )
    });
    warnings.collect()
}

/// What to beware of where the chat template writes the day's date into prompts.
pub(crate) fn dated(tokenizer: &Tokenizer, options: &EvalOptions) -> Option<String> {
    options.chat.as_ref()?;
    let template = tokenizer.chat().ok()?;
    template.may_write_date().then(|| {
        "the model's chat template can write the day's date into prompts, so that the same questions may be other prompts on \
         another day"
            .to_owned()
    })
}

/// The first perplexity among results.
pub(crate) fn perplexity(results: &[TaskResult]) -> Option<f64> {
    let mut found = results
        .iter()
        .filter_map(|result| result.metric(Metric::Perplexity));
    found.next()?.value
}
