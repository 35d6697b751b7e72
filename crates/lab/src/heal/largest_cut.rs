//! How many layers can go while most stays.

use layerlab_eval::Metric;
use layerlab_score::{MethodId, Schedule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Healing, is_named};
use crate::report::Outcome;

/// The largest cut along one plan that keeps enough, of perplexity or of a task's first metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LargestCut {
    /// Who chose the order of removal.
    pub method: MethodId,
    /// The method's name.
    pub label: String,
    /// Whether it chose once or after each removal.
    pub schedule: Schedule,
    /// How the model was healed.
    pub healing: Healing,
    /// Layers that can go; 0 where not even the first can.
    pub layers: usize,
    /// Whether that is the whole plan, so that more might go.
    pub is_whole_plan: bool,
    /// What is kept without them; none for 0 layers.
    pub retained: Option<f64>,
    /// Lower end of its interval.
    pub retained_low: Option<f64>,
    /// Upper end.
    pub retained_high: Option<f64>,
}

/// Finds the largest count that keeps enough between 0, which does, and `most`. It is assumed that where a larger cut keeps enough, so does
/// every smaller one of the same order.
pub(super) struct Bisection {
    /// The largest that is known to keep enough.
    pub enough: usize,
    /// The smallest that is known not to.
    too_many: usize,
}

impl Bisection {
    pub fn to(most: usize) -> Self {
        Self {
            enough: 0,
            too_many: most + 1,
        }
    }

    /// The next count to be measured; the largest first, since it is measured anyway.
    pub fn next(&self, most: usize) -> Option<usize> {
        match self.too_many - self.enough {
            1 => None,
            _ if self.too_many == most + 1 && self.enough == 0 => Some(most),
            _ => Some(self.enough.midpoint(self.too_many)),
        }
    }

    pub fn found(&mut self, count: usize, keeps: bool) {
        match keeps {
            true => self.enough = count,
            false => self.too_many = count,
        }
    }
}

/// What an outcome keeps, with its interval: of perplexity, or of the first metric of a dataset.
pub(super) fn retained(outcome: &Outcome, of: Option<&str>) -> [Option<f64>; 3] {
    let mut compared = outcome.compared.iter();
    let found = compared.find(|task| match of {
        Some(name) => is_named(&task.dataset, name),
        None => task.comparison.metric == Metric::Perplexity,
    });
    found.map_or([None; 3], |task| {
        let one = &task.comparison;
        [one.retained, one.retained_low, one.retained_high]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_found_with_few_looks() {
        for most in 0..40 {
            for largest in 0..=most {
                let mut bisection = Bisection::to(most);
                let mut looks = 0;
                while let Some(count) = bisection.next(most) {
                    assert!((1..=most).contains(&count));
                    bisection.found(count, count <= largest);
                    looks += 1;
                }
                assert_eq!(bisection.enough, largest);
                assert!(looks <= 2 + most.checked_ilog2().unwrap_or(0));
            }
        }
    }
}
