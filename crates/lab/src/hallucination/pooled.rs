//! Metrics over all datasets together.

use layerlab_eval::{Comparison, Metric, MetricResult, Sample, TaskResult, metric::Confidence};

/// Each metric over the items of all datasets together, changed beside original, in the order of first appearance. Both
/// are of one model, which reads the same tokens, so that bits per byte would say once more what perplexity does.
pub(super) fn pooled(
    original: &[TaskResult],
    changed: &[TaskResult],
    confidence: &Confidence,
) -> Vec<Comparison> {
    let mut metrics: Vec<Metric> = Vec::new();
    for result in original.iter().flat_map(|task| &task.metrics) {
        if result.metric != Metric::BitsPerByte && !metrics.contains(&result.metric) {
            metrics.push(result.metric);
        }
    }
    let of = |tasks: &[TaskResult], metric| {
        let samples = tasks
            .iter()
            .filter_map(|task| Some(&task.metric(metric)?.sample));
        let mut samples = samples.cloned();
        let first = samples.next()?;
        let joined = samples.try_fold(first, Sample::joined)?;
        Some(MetricResult::of(metric, joined, confidence))
    };
    let compared = metrics.into_iter().filter_map(|metric| {
        Comparison::of(&of(original, metric)?, &of(changed, metric)?, confidence)
    });
    compared.collect()
}
