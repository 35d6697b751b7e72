//! Metrics over all datasets together.

use layerlab_eval::{Comparison, Metric, MetricResult, Sample, TaskResult, metric::Confidence};

/// Each metric over the items of all datasets together, changed beside original, in the order of first appearance.
pub(super) fn pooled(
    original: &[TaskResult],
    changed: &[TaskResult],
    confidence: &Confidence,
) -> Vec<Comparison> {
    let mut metrics: Vec<Metric> = Vec::new();
    for result in original.iter().flat_map(|task| &task.metrics) {
        if !metrics.contains(&result.metric) {
            metrics.push(result.metric);
        }
    }
    let of = |tasks: &[TaskResult], metric| {
        let samples = tasks
            .iter()
            .filter_map(|task| Some(&task.metric(metric)?.sample));
        let joined = samples.cloned().reduce(joined)?;
        Some(MetricResult::of(metric, joined, confidence))
    };
    let compared = metrics.into_iter().filter_map(|metric| {
        Comparison::of(&of(original, metric)?, &of(changed, metric)?, confidence)
    });
    compared.collect()
}

/// The items of both; a metric has one kind of sample, so both are of that kind.
fn joined(a: Sample, b: Sample) -> Sample {
    match (a, b) {
        (Sample::Mean { values: a }, Sample::Mean { values: b }) => Sample::Mean {
            values: [a, b].concat(),
        },
        (
            Sample::Perplexity { losses, tokens },
            Sample::Perplexity {
                losses: more_losses,
                tokens: more_tokens,
            },
        ) => Sample::Perplexity {
            losses: [losses, more_losses].concat(),
            tokens: [tokens, more_tokens].concat(),
        },
        (
            Sample::Calibration { confidences, right },
            Sample::Calibration {
                confidences: more_confidences,
                right: more_right,
            },
        ) => Sample::Calibration {
            confidences: [confidences, more_confidences].concat(),
            right: [right, more_right].concat(),
        },
        (a, _) => a,
    }
}
