//! Questions answered freely.

use layerlab_model::{Cuts, Decoder, GenerateOptions, Tokenizer, generate_batch};

use super::{Answered, Asked, EvalOptions, Metrics, OnProgress, Task, likelihood::Requests, step};
use crate::{
    Dataset, EvalError, Metric, Sample, Shard, dataset::Answer, metric::normalised,
    prompt::Continuation,
};

/// What counts as saying that one does not know, after normalisation.
pub const ABSTENTION: &str = "unknown";

/// What a model answered to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// Its first line.
    pub text: String,
    /// Whether it is one of the right answers, after SQuAD's normalisation.
    pub right: bool,
    /// Geometric mean of the probabilities of its tokens given the prompt; 0 for an empty answer.
    pub confidence: f64,
}

/// Greedy answers to questions with known answers, with how sure the model is of each.
///
/// # Errors
/// As [`evaluate`](super::evaluate).
pub async fn generate_answers(
    decoder: &Decoder,
    tokenizer: &Tokenizer,
    dataset: &Dataset,
    items: &[Answer],
    options: &EvalOptions,
    progress: &mut OnProgress<'_>,
) -> Result<Vec<Generated>, EvalError> {
    options.validate(tokenizer)?;
    let asked = Asked {
        decoder,
        cuts: &Cuts::whole(decoder.spec().layers()),
        tokenizer,
        dataset: &dataset.name,
        shard: Shard::WHOLE,
        options,
    };
    let (texts, _) = asked.generated(decoder, items, progress).await?;
    let mut requests = Requests::default();
    let mut spoken = Vec::new();
    for (index, (item, text)) in items.iter().zip(&texts).enumerate() {
        let prompt = options
            .question_template
            .replace("{question}", &item.question);
        let continuation = Continuation {
            line: item.line,
            prompt: &prompt,
            choice: text,
        };
        // What has no tokens of its own is no answer.
        if asked.request(continuation, &mut requests).is_ok() {
            spoken.push(index);
        }
    }
    let (found, _) = asked.log_likelihoods(&requests.requests, progress).await?;
    let found = found.into_iter().flatten();
    let mut confidences = vec![0.0; items.len()];
    for ((index, sum), request) in spoken.into_iter().zip(found).zip(&requests.requests) {
        let tokens = request.ids.len() - request.start;
        confidences[index] = (sum / tokens as f64).exp();
    }
    let answers = items.iter().zip(texts).zip(confidences);
    Ok(answers
        .map(|((item, text), confidence)| Generated {
            right: is_right(item, &text),
            text,
            confidence,
        })
        .collect())
}

fn is_right(item: &Answer, text: &str) -> bool {
    let answer = normalised(text);
    let mut known = item.answers.iter();
    known.any(|known| normalised(known) == answer)
}

impl Asked<'_> {
    /// Exact match of greedy answers with any of those that count as right; and of the others, which say that they do
    /// not know and which are wrong.
    pub async fn answers(
        &self,
        items: &[Answer],
        progress: &mut OnProgress<'_>,
    ) -> Result<Answered, EvalError> {
        let items = self.own(items);
        let mut found = vec![Metrics::new(); self.cuts.len()];
        let (mut before, mut truncated) = (0, 0);
        let total = items.len() * self.cuts.len();
        for (cut, view) in self.cuts.views(self.decoder)? {
            let mut of_cut = |done, _| progress(before + done, total);
            let texts;
            (texts, truncated) = self.generated(&view, items, &mut of_cut).await?;
            found[cut] = self.matched(items, &texts);
            before += items.len();
        }
        let task = Task::ExactMatch {
            template: self.options.question_template.clone(),
            chat: self.options.chat.clone(),
            bos: self.prompting().begins_with_bos()?,
            truncated,
            max_new_tokens: self.options.max_new_tokens,
        };
        Ok(Answered {
            task,
            metrics: found,
            sequences: 0,
        })
    }

    /// One model's answers, judged.
    fn matched(&self, items: &[Answer], texts: &[String]) -> Metrics {
        let right: Vec<bool> = items
            .iter()
            .zip(texts)
            .map(|(item, text)| is_right(item, text))
            .collect();
        let unknown: Vec<bool> = texts
            .iter()
            .map(|text| normalised(text) == ABSTENTION)
            .collect();
        let wrong: Vec<bool> = right
            .iter()
            .zip(&unknown)
            .map(|(right, unknown)| !right && !unknown)
            .collect();
        let result = |metric, outcomes: Vec<bool>| {
            let outcomes = outcomes.into_iter().map(Some);
            self.result(metric, Sample::of_outcomes(outcomes))
        };
        vec![
            result(Metric::ExactMatch, right),
            result(Metric::Abstention, unknown),
            result(Metric::WrongAnswer, wrong),
        ]
    }

    /// The first line of each greedy answer, and how many prompts lost their beginning.
    async fn generated(
        &self,
        decoder: &Decoder,
        items: &[Answer],
        progress: &mut OnProgress<'_>,
    ) -> Result<(Vec<String>, usize), EvalError> {
        let (template, max_new_tokens) =
            (&self.options.question_template, self.options.max_new_tokens);
        let room = self.context().saturating_sub(max_new_tokens).max(1);
        let mut truncated = 0;
        let mut prompts = Vec::with_capacity(items.len());
        let prompting = self.prompting();
        for item in items {
            let prompt = template.replace("{question}", &item.question);
            let mut ids = prompting.prompt(&prompt)?;
            let surplus = ids.len().saturating_sub(room);
            truncated += usize::from(surplus > 0);
            ids.drain(..surplus);
            prompts.push(ids);
        }
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(prompts[index].len()));
        let mut answers = vec![String::new(); items.len()];
        let greedy = GenerateOptions::greedy(max_new_tokens, self.tokenizer.stops());
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
            let mut go_on = || progress(done, items.len());
            let texts = generate_batch(decoder, &asked, &greedy, &mut has_line, &mut go_on);
            let texts = texts.await?.ok_or(EvalError::Interrupted)?;
            for (&index, ids) in batch.iter().zip(&texts) {
                let text = self.tokenizer.decode(ids, true)?;
                answers[index] = first_line(&text).map_or("", |(line, _)| line).to_owned();
            }
            done += batch.len();
            step(progress, done, items.len()).await?;
        }
        Ok((answers, truncated))
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
