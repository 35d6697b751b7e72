//! What one model made of a dataset, out of what it made of the dataset's parts.

use super::{Task, TaskResult};
use crate::{
    MetricResult,
    metric::{Confidence, Metric},
};

impl TaskResult {
    /// Joins what one model made of the parts of one dataset, in their order: equal to what it would have made of the whole but for the
    /// rounding of sums, its intervals too, since a bootstrap draws items. None where the parts are not of one dataset that was asked
    /// in one way, or there is none.
    pub fn joined(parts: &[Self], confidence: &Confidence) -> Option<Self> {
        let (first, more) = parts.split_first()?;
        let mut task = first.task.clone();
        for part in more {
            let same = (&part.dataset, &part.sha256, part.of, part.skipped)
                == (&first.dataset, &first.sha256, first.of, first.skipped);
            if !same || part.mapping != first.mapping {
                return None;
            }
            task = task.joined(&part.task)?;
        }
        // A part may hold no item of a kind that others have.
        let most = parts.iter().max_by_key(|part| part.metrics.len())?;
        let metrics = most.metrics.iter();
        let metrics = metrics.map(|metric| joined_metric(metric.metric, parts, confidence));
        let metrics: Vec<MetricResult> = metrics.collect::<Option<_>>()?;
        Some(Self {
            task,
            items: metrics.first().map_or(0, |result| result.sample.len()),
            metrics,
            ..first.clone()
        })
    }
}

fn joined_metric(
    metric: Metric,
    parts: &[TaskResult],
    confidence: &Confidence,
) -> Option<MetricResult> {
    let found = || parts.iter().filter_map(|part| part.metric(metric));
    let samples = found().map(|result| result.sample.clone());
    let sample = samples
        .map(Some)
        .reduce(|all, more| all?.continued(more?))??;
    // A chance is a mean over items.
    let chances = found().map(|result| Some((result.chance?, result.sample.len() as f64)));
    let chances: Option<Vec<(f64, f64)>> = chances.collect();
    let joined = MetricResult::of(metric, sample, confidence);
    Some(match chances {
        Some(chances) => {
            let items: f64 = chances.iter().map(|(_, items)| items).sum();
            let sum: f64 = chances.iter().map(|(chance, items)| chance * items).sum();
            joined.with_chance(sum / items)
        }
        None => joined,
    })
}

impl Task {
    /// The task of both parts of a dataset; none where they were asked in different ways. What is counted is added up, and all the rest
    /// must be the same.
    fn joined(mut self, other: &Self) -> Option<Self> {
        let mut other = other.clone();
        for (count, more) in self.counts().into_iter().zip(other.counts()) {
            *more += *count;
            *count = *more;
        }
        (self == other).then_some(self)
    }

    /// What a part has less of than the whole.
    fn counts(&mut self) -> Vec<&mut usize> {
        match self {
            Self::Perplexity { tokens, bytes, .. } => vec![tokens, bytes],
            Self::MultipleChoice { truncated, .. }
            | Self::ExactMatch { truncated, .. }
            | Self::Classification { truncated, .. } => vec![truncated],
        }
    }
}
