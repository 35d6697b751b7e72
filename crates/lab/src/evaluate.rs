//! What a model can do: every dataset, whole and pruned.

use std::ops::ControlFlow;

use layerlab_eval::{Comparison, Dataset, EvalOptions, Metric, TaskResult, evaluate};
use layerlab_model::{Decoder, Tokenizer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LabError, Progress, Run};

/// One model of several that are asked one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Place {
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
        Place { models, of }: Place,
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
            results.push(evaluate(decoder, tokenizer, dataset, options, &mut progress).await?);
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

/// Every metric that both models have on the same dataset.
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
        let metrics = original.metrics.iter();
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

/// The first perplexity among results.
pub(crate) fn perplexity(results: &[TaskResult]) -> Option<f64> {
    let mut found = results
        .iter()
        .filter_map(|result| result.metric(Metric::Perplexity));
    found.next()?.value
}
