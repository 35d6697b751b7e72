//! Classification by the likelihood of each class's name.

use std::collections::BTreeSet;

use super::{
    Answered, Asked, OnProgress, Task,
    choices::{best, confidence},
    likelihood::Requests,
};
use crate::{EvalError, Metric, Sample, dataset::Label, prompt::Continuation};

impl Asked<'_> {
    /// Accuracy over all classes that the dataset has.
    pub async fn labels(
        &self,
        items: &[Label],
        progress: &mut OnProgress<'_>,
    ) -> Result<Answered, EvalError> {
        let template = &self.options.text_template;
        let classes: BTreeSet<&str> = items.iter().map(|item| item.label.as_str()).collect();
        let items = self.own(items);
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
        let (found, sequences) = self.log_likelihoods(&requests.requests, progress).await?;
        let chance = 1.0 / classes.len() as f64;
        let task = Task::Classification {
            template: template.clone(),
            chat: self.options.chat.clone(),
            bos: self.prompting().begins_with_bos()?,
            truncated: requests.truncated,
            classes: classes.iter().copied().map(str::to_owned).collect(),
        };
        let found = found.iter().map(|found| {
            let (mut right, mut confidences) = (Vec::new(), Vec::new());
            for (item, found) in items.iter().zip(found.chunks(classes.len())) {
                let chosen = best(found).and_then(|best| classes.iter().nth(best));
                right.push(chosen.map(|chosen| **chosen == *item.label));
                confidences.push(confidence(found));
            }
            let outcomes = Sample::of_outcomes(right.iter().copied());
            let right = right.into_iter();
            let calibration = Sample::Calibration {
                confidences,
                right: right.map(|right| right.unwrap_or(false)).collect(),
            };
            vec![
                self.result(Metric::Accuracy, outcomes).with_chance(chance),
                self.result(Metric::Ece, calibration),
            ]
        });
        let metrics = found.collect();
        Ok(Answered {
            task,
            metrics,
            sequences,
        })
    }
}
