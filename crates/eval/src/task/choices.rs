//! Multiple choice by likelihood, as lm-evaluation-harness computes it.

use super::{Answered, Asked, Metrics, OnProgress, Task, likelihood::Requests};
use crate::{
    EvalError, Metric, Sample,
    dataset::{Choice, ChoiceSet},
    prompt::Continuation,
};

impl Asked<'_> {
    /// Accuracy, or MC1 and MC2 on TruthfulQA's form.
    pub async fn choices(
        &self,
        items: &[Choice],
        progress: &mut OnProgress<'_>,
    ) -> Result<Answered, EvalError> {
        let truthful = items.iter().any(|item| item.truthful);
        let items = self.own(items);
        let template = &self.options.question_template;
        let mut requests = Requests::default();
        for item in items {
            let prompt = template.replace("{question}", &item.question);
            for set in item.single.iter().chain(&item.multiple) {
                for choice in &set.choices {
                    let continuation = Continuation {
                        line: item.line,
                        prompt: &prompt,
                        choice,
                    };
                    self.request(continuation, &mut requests)?;
                }
            }
        }
        let (found, sequences) = self.log_likelihoods(&requests.requests, progress).await?;
        let task = Task::MultipleChoice {
            template: template.clone(),
            chat: self.options.chat.clone(),
            bos: self.prompting().begins_with_bos()?,
            truncated: requests.truncated,
        };
        let found = found.iter().map(|found| {
            let outcomes = Outcomes::of(items, found);
            outcomes.results(self, truthful)
        });
        Ok(Answered {
            task,
            metrics: found.collect(),
            sequences,
        })
    }
}

/// What came of all items.
#[derive(Default)]
struct Outcomes {
    /// None where a choice's likelihood is no number, as is the confidence.
    right: Vec<Option<bool>>,
    right_norm: Vec<Option<bool>>,
    confidences: Vec<f64>,
    /// Share of right choices, item by item.
    chances: Vec<f64>,
    mc2: Vec<f64>,
}

impl Outcomes {
    /// Of the log-likelihoods of all choices, one item's after the other's.
    fn of(items: &[Choice], found: &[f64]) -> Self {
        let mut outcomes = Self::default();
        let mut rest = found;
        for item in items {
            let mut take = |set: &ChoiceSet| {
                let (taken, left) = rest.split_at(set.choices.len());
                rest = left;
                taken
            };
            if let Some(set) = &item.single {
                outcomes.add_single(set, take(set));
            }
            if let Some(set) = &item.multiple {
                outcomes.mc2.push(share_on_right(&set.right, take(set)));
            }
        }
        outcomes
    }

    fn add_single(&mut self, set: &ChoiceSet, found: &[f64]) {
        let characters = set
            .choices
            .iter()
            .map(|choice| choice.chars().count() as f64);
        let per_character: Vec<f64> = found
            .iter()
            .zip(characters)
            .map(|(sum, characters)| sum / characters)
            .collect();
        let is_right = |found: &[f64]| Some(set.right[best(found)?]);
        self.right.push(is_right(found));
        self.right_norm.push(is_right(&per_character));
        self.confidences.push(confidence(found));
        let right = set.right.iter().filter(|right| **right).count();
        self.chances.push(right as f64 / set.right.len() as f64);
    }

    fn results(self, asked: &Asked<'_>, truthful: bool) -> Metrics {
        let mut results = Vec::new();
        let chance = self.chances.iter().sum::<f64>() / self.chances.len() as f64;
        if !self.right.is_empty() {
            let right = Sample::of_outcomes(self.right.iter().copied());
            if truthful {
                results.push(asked.result(Metric::Mc1, right).with_chance(chance));
            } else {
                results.push(asked.result(Metric::Accuracy, right).with_chance(chance));
                let right_norm = Sample::of_outcomes(self.right_norm);
                results.push(
                    asked
                        .result(Metric::AccuracyNorm, right_norm)
                        .with_chance(chance),
                );
            }
        }
        if !self.mc2.is_empty() {
            let sample = Sample::Mean { values: self.mc2 };
            results.push(asked.result(Metric::Mc2, sample));
        }
        if !self.right.is_empty() {
            let right = self.right.into_iter();
            let sample = Sample::Calibration {
                confidences: self.confidences,
                right: right.map(|right| right.unwrap_or(false)).collect(),
            };
            results.push(asked.result(Metric::Ece, sample));
        }
        results
    }
}

/// Index of the highest value, the first of equals; none where one is no number.
pub(super) fn best(values: &[f64]) -> Option<usize> {
    if values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let places = 0..values.len();
    places.reduce(|best, place| match values[place] > values[best] {
        true => place,
        false => best,
    })
}

/// Probability of the likeliest choice; NaN where one is no number.
pub(super) fn confidence(log_likelihoods: &[f64]) -> f64 {
    best(log_likelihoods).map_or(f64::NAN, |best| probabilities(log_likelihoods)[best])
}

/// Probabilities of the choices, if one of them must be.
fn probabilities(log_likelihoods: &[f64]) -> Vec<f64> {
    let highest = log_likelihoods
        .iter()
        .copied()
        .fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = log_likelihoods
        .iter()
        .map(|value| (value - highest).exp())
        .collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

/// The share of probability that lies on right choices: MC2.
fn share_on_right(right: &[bool], log_likelihoods: &[f64]) -> f64 {
    let shares = probabilities(log_likelihoods);
    let on_right = shares.iter().zip(right).filter(|(_, right)| **right);
    on_right.map(|(share, _)| share).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_is_best() {
        assert_eq!(best(&[-2.0, -1.0, -1.0]), Some(1));
        assert_eq!(best(&[-1.0, -2.0]), Some(0));
    }

    #[test]
    fn nothing_is_best_where_a_likelihood_is_no_number() {
        for likelihoods in [[f64::NAN, -1.0], [-1.0, f64::NAN]] {
            assert_eq!(best(&likelihoods), None);
            assert!(confidence(&likelihoods).is_nan());
            assert!(share_on_right(&[true, false], &likelihoods).is_nan());
        }
        let found = confidence(&[0.25f64.ln(), 0.75f64.ln()]);
        assert!((found - 0.75).abs() < 1e-12);
    }

    #[test]
    fn mc2_is_the_normalised_probability_of_what_is_true() {
        let logs = [0.1f64.ln(), 0.3f64.ln(), 0.1f64.ln()];
        let found = share_on_right(&[true, true, false], &logs);
        assert!((found - 0.8).abs() < 1e-12);
        // Likelihoods of long answers underflow as plain numbers.
        let found = share_on_right(&[true, false], &[-2000.0, -2000.0]);
        assert!((found - 0.5).abs() < 1e-12);
    }
}
