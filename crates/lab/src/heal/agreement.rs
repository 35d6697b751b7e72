//! How far a changed model writes what the whole one writes: choices between given answers hide damage that free text shows.

use std::ops::ControlFlow;

use layerlab_eval::{Dataset, Items, metric::Confidence};
use layerlab_model::{
    Decoder, GenerateOptions, ModelError, NoObserver, PaddingSide, Parting, TokenBatch, Tokenizer,
    each_part, generate_batch,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LabError, Progress, Run};

/// Continuations at most.
const CONTINUATIONS: usize = 64;
/// Tokens of a prompt, and of its continuation.
const TOKENS: usize = 32;
/// Prompts that are continued together.
const AT_ONCE: usize = 16;
/// The longest repeated part that counts as repetition, and how often it must stand at the end.
const PERIOD: usize = 8;
const TIMES: usize = 3;

/// How far a changed model writes what the whole one writes, greedily, after prompts from the judged texts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agreement {
    /// Prompts.
    pub continuations: usize,
    /// Tokens that the whole model wrote.
    pub tokens: usize,
    /// How many of them the changed model finds likeliest as well, each after the whole model's own words.
    pub equal: usize,
    /// The ends of the interval of their share, by a bootstrap over prompts; none of a single prompt.
    #[serde(default)]
    pub interval: Option<[f64; 2]>,
    /// How many of the changed model's own continuations end in repetition: up to eight tokens, three times or more, over at least nine
    /// tokens.
    pub repeating: usize,
    /// The same of the whole model.
    pub whole_repeating: usize,
}

impl Agreement {
    /// The share of tokens that are equal; none where there are none.
    pub fn share(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.equal as f64 / self.tokens as f64)
    }
}

/// The whole model's words, which others are held against.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Speakers {
    prompts: Vec<Vec<u32>>,
    /// Of the whole model, after each prompt.
    written: Vec<Vec<u32>>,
}

impl Speakers {
    /// Has the whole model continue prompts from the texts among `datasets`: pieces spread evenly over the first of them. None where there
    /// is no text.
    pub async fn of(
        whole: &Decoder,
        tokenizer: &Tokenizer,
        datasets: &[Dataset],
        run: &mut Run<'_>,
    ) -> Result<Option<Self>, LabError> {
        let mut texts = datasets.iter().filter_map(|dataset| match &dataset.items {
            Items::Text(text) => Some(text),
            _ => None,
        });
        let Some(text) = texts.next() else {
            return Ok(None);
        };
        let ids = tokenizer.encode(text, false)?;
        let bos = tokenizer.leading_bos();
        // Prompt and continuation must fit a short context as well.
        let length = TOKENS.min(whole.spec().context / 2).max(1);
        let room = length - usize::from(bos.is_some() && length > 1);
        let count = (ids.len() / (2 * TOKENS)).clamp(1, CONTINUATIONS);
        let stride = ids.len() / count;
        let prompts = (0..count).map(|place| {
            let from = place * stride;
            let piece = &ids[from..ids.len().min(from + room)];
            bos.iter().chain(piece).copied().collect()
        });
        let mut prompts: Vec<Vec<u32>> = prompts.collect();
        prompts.retain(|prompt| !prompt.is_empty());
        let written = continued(whole, &prompts, run).await?;
        Ok(Some(Self { prompts, written }))
    }

    /// Holds another model against the whole one.
    pub async fn held_against(
        &self,
        changed: &Decoder,
        confidence: &Confidence,
        run: &mut Run<'_>,
    ) -> Result<Agreement, LabError> {
        let own = continued(changed, &self.prompts, run).await?;
        let mut equal: Vec<usize> = Vec::with_capacity(self.prompts.len());
        let spoken: Vec<Spoken<'_>> = self.prompts.iter().zip(&self.written).collect();
        let device = changed.device();
        let parting = Parting::of(AT_ONCE, &device);
        for some in spoken.chunks(parting.together()) {
            let mut parts: Vec<&[Spoken<'_>]> = some.chunks(parting.size).collect();
            let found = each_part(&device, &mut parts, async |part| {
                equally(changed, part).await
            });
            equal.extend(found.await?.into_iter().flatten());
            run.step(Progress::Continuing {
                done: equal.len(),
                total: self.prompts.len(),
            })
            .await?;
        }
        let tokens: Vec<usize> = self.written.iter().map(Vec::len).collect();
        let resamples = confidence.resamples(tokens.len());
        let interval = resamples.interval(confidence.level, |draw| share(draw, &equal, &tokens));
        let repeating = |texts: &[Vec<u32>]| texts.iter().filter(|text| repeats(text)).count();
        Ok(Agreement {
            continuations: self.prompts.len(),
            tokens: tokens.iter().sum(),
            equal: equal.iter().sum(),
            interval: interval.map(|(low, high)| [low, high]),
            repeating: repeating(&own),
            whole_repeating: repeating(&self.written),
        })
    }
}

/// A prompt, and what the whole model wrote behind it.
type Spoken<'a> = (&'a Vec<u32>, &'a Vec<u32>);

/// How many of the whole model's tokens another finds likeliest as well, of each prompt.
async fn equally(changed: &Decoder, spoken: &[Spoken<'_>]) -> Result<Vec<usize>, ModelError> {
    let read = spoken
        .iter()
        .map(|(prompt, written)| [&prompt[..], written].concat());
    let read: Vec<Vec<u32>> = read.collect();
    let batch = TokenBatch::new(&read, PaddingSide::Right)?;
    let hidden = changed.hidden_states(&batch, None, &mut NoObserver)?;
    let mut equal = Vec::with_capacity(spoken.len());
    for (row, (prompt, written)) in spoken.iter().enumerate() {
        if written.is_empty() {
            equal.push(0);
            continue;
        }
        let hidden = hidden.clone().narrow(0, row, 1);
        let hidden = hidden.narrow(1, prompt.len() - 1, written.len());
        let likeliest = changed.most_likely(hidden).await?;
        let pairs = likeliest.iter().zip(*written);
        equal.push(pairs.filter(|(found, wanted)| found == wanted).count());
    }
    Ok(equal)
}

async fn continued(
    decoder: &Decoder,
    prompts: &[Vec<u32>],
    run: &mut Run<'_>,
) -> Result<Vec<Vec<u32>>, LabError> {
    let options = GenerateOptions::greedy(TOKENS, &[]);
    let mut texts = Vec::with_capacity(prompts.len());
    for part in prompts.chunks(AT_ONCE) {
        let progress = Progress::Continuing {
            done: texts.len(),
            total: prompts.len(),
        };
        let mut go_on = || match run.report(progress) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let found = generate_batch(decoder, part, &options, &mut |_| false, &mut go_on).await?;
        texts.extend(found.ok_or(LabError::Cancelled)?);
    }
    Ok(texts)
}

/// The share of tokens that are equal where continuations are drawn so many times each.
fn share(draw: &[u32], equal: &[usize], tokens: &[usize]) -> Option<f64> {
    let drawn = |counts: &[usize]| -> f64 {
        let counts = counts.iter().zip(draw);
        counts
            .map(|(count, times)| *count as f64 * f64::from(*times))
            .sum()
    };
    let all = drawn(tokens);
    (all > 0.0).then(|| drawn(equal) / all)
}

/// Whether a text ends in the same few tokens over and over.
fn repeats(text: &[u32]) -> bool {
    (1..=PERIOD).any(|period| {
        let length = (period * TIMES).max(PERIOD + 1);
        let end = text.len().checked_sub(length).map(|from| &text[from..]);
        end.is_some_and(|end| end.iter().zip(&end[period..]).all(|(a, b)| a == b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_is_told_from_words_that_come_again() {
        assert!(repeats(&[4; 9]));
        assert!(repeats(&[9, 9, 1, 2, 1, 2, 1, 2, 1, 2, 1]));
        assert!(repeats(&[7, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5]));
        assert!(!repeats(&[4; 8]));
        assert!(!repeats(&[1, 2, 3, 4, 5, 1, 2, 3, 4, 5]));
        assert!(!repeats(&[1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 3]));
        assert!(!repeats(&[]));
    }

    #[test]
    fn of_no_tokens_there_is_no_share() {
        let mut agreement = Agreement {
            continuations: 1,
            tokens: 4,
            equal: 3,
            interval: None,
            repeating: 0,
            whole_repeating: 0,
        };
        assert_eq!(agreement.share(), Some(0.75));
        agreement.tokens = 0;
        assert_eq!(agreement.share(), None);
    }

    #[test]
    fn shares_weigh_continuations_by_their_tokens() {
        let (equal, tokens) = ([1, 32], [4, 32]);
        assert_eq!(share(&[1, 1], &equal, &tokens), Some(33.0 / 36.0));
        assert_eq!(share(&[2, 0], &equal, &tokens), Some(0.25));
        assert_eq!(share(&[0, 0], &equal, &tokens), None);
    }
}
