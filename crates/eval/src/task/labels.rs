//! Classification by the likelihood of each class's name.

use std::collections::BTreeSet;

use super::{
    Asked, OnProgress, Task,
    choices::{best, confidence},
    likelihood::Requests,
};
use crate::{EvalError, Metric, MetricResult, Sample, dataset::Label, prompt::Continuation};

impl Asked<'_> {
    /// Accuracy over all classes that the dataset has.
    pub async fn labels(
        &self,
        items: &[Label],
        progress: &mut OnProgress<'_>,
    ) -> Result<(Task, Vec<MetricResult>), EvalError> {
        let template = &self.options.text_template;
        let classes: BTreeSet<&str> = items.iter().map(|item| item.label.as_str()).collect();
        let mut requests = Requests::default();
        for item in items {
            let prompt = template.replace("{text}", &item.text);
            for choice in &classes {
                let continuation = Continuation {
                    line: item.line,
                    prompt: &prompt,
                    choice,
                };
                self.request(continuation, &mut requests)?;
            }
        }
        let found = self.log_likelihoods(&requests.requests, progress).await?;
        let (mut right, mut confidences) = (Vec::new(), Vec::new());
        for (item, found) in items.iter().zip(found.chunks(classes.len())) {
            let chosen = best(found).and_then(|best| classes.iter().nth(best));
            right.push(chosen.map(|chosen| **chosen == *item.label));
            confidences.push(confidence(found));
        }
        let chance = 1.0 / classes.len() as f64;
        let task = Task::Classification {
            template: template.clone(),
            chat: self.options.chat.clone(),
            bos: self.prompting().begins_with_bos()?,
            truncated: requests.truncated,
            classes: classes.into_iter().map(str::to_owned).collect(),
        };
        let outcomes = Sample::of_outcomes(right.iter().copied());
        let right = right.into_iter();
        let calibration = Sample::Calibration {
            confidences,
            right: right.map(|right| right.unwrap_or(false)).collect(),
        };
        let results = vec![
            self.result(Metric::Accuracy, outcomes).with_chance(chance),
            self.result(Metric::Ece, calibration),
        ];
        Ok((task, results))
    }
}
