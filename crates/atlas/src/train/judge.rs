//! What a model in training can do already, by exposure class.

use std::ops::ControlFlow;

use layerlab_eval::{Dataset, EvalError, EvalOptions, evaluate, metric::Confidence};
use layerlab_model::{Decoder, Tokenizer};

use crate::TaskFile;

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Name of the task file, without its extension.
    pub task: String,
    /// The metric.
    pub metric: &'static str,
    /// Its value.
    pub value: f64,
}

/// Asks the model at most `items` of every task whose name holds `split`.
///
/// # Errors
/// When a task cannot be read or asked.
pub async fn judge(
    decoder: &Decoder,
    tokenizer: &Tokenizer,
    tasks: &[TaskFile],
    split: &str,
    items: usize,
) -> Result<Vec<Figure>, EvalError> {
    let options = EvalOptions {
        confidence: Confidence {
            resamples: 0,
            ..Confidence::default()
        },
        max_windows: Some(items),
        max_new_tokens: 12,
        ..EvalOptions::default()
    };
    let mut figures = Vec::new();
    for file in tasks.iter().filter(|file| file.name.contains(split)) {
        let dataset = Dataset::read(file.name.as_str(), &file.contents, false)?.sample(items, 0);
        let mut progress = |_, _| ControlFlow::Continue(());
        let result = evaluate(decoder, tokenizer, &dataset, &options, &mut progress).await?;
        let task = file.name.split('.').next().unwrap_or_default();
        figures.extend(result.metrics.iter().filter_map(|found| {
            Some(Figure {
                task: task.to_owned(),
                metric: found.metric.label(),
                value: found.value?,
            })
        }));
    }
    Ok(figures)
}
