//! Questions answered freely.

use layerlab_model::generate_batch;

use super::{Asked, OnProgress, Task, step};
use crate::{EvalError, Metric, MetricResult, Sample, dataset::Answer, metric::normalised};

impl Asked<'_> {
    /// Exact match of greedy answers with any of those that count as right.
    pub async fn answers(
        &self,
        items: &[Answer],
        progress: &mut OnProgress<'_>,
    ) -> Result<(Task, Vec<MetricResult>), EvalError> {
        let (template, max_new_tokens) =
            (&self.options.question_template, self.options.max_new_tokens);
        let room = self.context().saturating_sub(max_new_tokens).max(1);
        let mut truncated = 0;
        let mut prompts = Vec::with_capacity(items.len());
        for item in items {
            let prompt = template.replace("{question}", &item.question);
            let mut ids = self.tokenizer.encode_text(&prompt)?;
            let surplus = ids.len().saturating_sub(room);
            truncated += usize::from(surplus > 0);
            ids.drain(..surplus);
            prompts.push(ids);
        }
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(prompts[index].len()));
        let mut right = vec![false; items.len()];
        let mut done = 0;
        step(progress, done, items.len()).await?;
        while let Some(&longest) = order.get(done) {
            let length = prompts[longest].len() + max_new_tokens;
            let rows = (self.options.batch_tokens / length).max(1);
            let batch = &order[done..(done + rows).min(order.len())];
            let asked: Vec<&[u32]> = batch.iter().map(|&index| &prompts[index][..]).collect();
            let mut has_line = |ids: &[u32]| {
                let text = self.tokenizer.decode(ids, true);
                text.is_ok_and(|text| first_line(&text).is_some_and(|(_, ended)| ended))
            };
            let stops = self.tokenizer.stops();
            let texts =
                generate_batch(self.decoder, &asked, max_new_tokens, stops, &mut has_line).await?;
            for (&index, ids) in batch.iter().zip(&texts) {
                let text = self.tokenizer.decode(ids, true)?;
                let answer = normalised(first_line(&text).map_or("", |(line, _)| line));
                let mut known = items[index].answers.iter();
                right[index] = known.any(|known| normalised(known) == answer);
            }
            done += batch.len();
            step(progress, done, items.len()).await?;
        }
        let task = Task::ExactMatch {
            template: template.clone(),
            bos: self.tokenizer.leading_bos().is_some(),
            truncated,
            max_new_tokens,
        };
        let result = self.result(Metric::ExactMatch, Sample::of_outcomes(right));
        Ok((task, vec![result]))
    }
}

/// The first line that says anything, and whether it has ended.
fn first_line(text: &str) -> Option<(&str, bool)> {
    let text = text.trim_start();
    let (line, ended) = match text.split_once('\n') {
        Some((line, _)) => (line, true),
        None => (text, false),
    };
    (!line.is_empty()).then_some((line.trim_end(), ended))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_the_first_line() {
        assert_eq!(first_line(" Paris\nQ: next"), Some(("Paris", true)));
        assert_eq!(first_line("\n Paris"), Some(("Paris", false)));
        assert_eq!(first_line("  \n"), None);
    }
}
