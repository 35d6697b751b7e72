//! Several prompts continued at once, greedily: what evaluation by generation needs.

use std::ops::ControlFlow;

use burn::tensor::Tensor;

use super::{limit, read};
use crate::{
    ModelError,
    decoder::{Decoder, KvCache, NoObserver, PaddingSide, TokenBatch},
    yield_now,
};

/// Continues every prompt with its most likely tokens; the lower id where two are equal. A text ends at
/// one of `stop`, which is not part of it, after `max_new_tokens`, when `is_done` says so of what has been
/// generated, or where trained positions end. Texts come in the order of prompts; none where `go_on`, which is asked before
/// every token, breaks off.
///
/// # Errors
/// When a prompt is empty or longer than the trained positions, an id is outside the vocabulary, the
/// logits are no numbers, or the device fails.
pub async fn generate_batch<S: AsRef<[u32]>>(
    decoder: &Decoder,
    prompts: &[S],
    max_new_tokens: usize,
    stop: &[u32],
    is_done: &mut dyn FnMut(&[u32]) -> bool,
    go_on: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Option<Vec<Vec<u32>>>, ModelError> {
    let longest = prompts.iter().map(|prompt| prompt.as_ref().len()).max();
    let longest = longest.unwrap_or(0);
    let room = limit(decoder).saturating_sub(longest);
    let mut texts: Vec<Vec<u32>> = vec![Vec::new(); prompts.len()];
    let mut done = vec![false; prompts.len()];
    // All that is read, for when it must be read anew: what is done is still the longest text where it was.
    let mut whole: Vec<Vec<u32>> = prompts
        .iter()
        .map(|prompt| prompt.as_ref().to_vec())
        .collect();
    let mut cache = KvCache::new();
    let mut batch = TokenBatch::new(prompts, PaddingSide::Left)?;
    for number in 0..max_new_tokens.min(room.saturating_add(1)) {
        yield_now().await;
        if go_on().is_break() {
            return Ok(None);
        }
        let (position, length) = (&decoder.spec().position, longest + number);
        if number > 0 && position.cached_keys_expire(length - 1, length) {
            cache = KvCache::new();
            batch = TokenBatch::new(&whole, PaddingSide::Left)?;
        }
        let hidden = decoder.hidden_states(&batch, Some(&mut cache), &mut NoObserver)?;
        let last = hidden.narrow(1, batch.shape()[1] - 1, 1);
        let next = decoder.most_likely(last).await?;
        for ((text, done), token) in texts.iter_mut().zip(&mut done).zip(&next) {
            if *done {
                continue;
            }
            if stop.contains(token) {
                *done = true;
                continue;
            }
            text.push(*token);
            *done = is_done(text);
        }
        if done.iter().all(|done| *done) {
            break;
        }
        for (row, token) in whole.iter_mut().zip(&next) {
            row.push(*token);
        }
        // What is done runs along; dropping it would mean to cut the cache.
        let step: Vec<[u32; 1]> = next.into_iter().map(|token| [token]).collect();
        batch = TokenBatch::new(&step, PaddingSide::Left)?;
    }
    Ok(Some(texts))
}

impl Decoder {
    /// The likeliest next token after each of hidden states `[batch, tokens, channels]`, the lower id where two are equal; ranked on the host
    /// as in sampling.
    ///
    /// # Errors
    /// When the logits are no numbers, or the device fails.
    pub async fn most_likely(&self, hidden: Tensor<3>) -> Result<Vec<u32>, ModelError> {
        most_likely(self.logits(hidden)).await
    }
}

/// The best id of each row of logits `[batch, 1, vocabulary]`, ranked on the host as in sampling.
async fn most_likely(logits: Tensor<3>) -> Result<Vec<u32>, ModelError> {
    let [_, _, vocabulary] = logits.dims();
    let logits = read(logits).await?;
    let best = logits.chunks(vocabulary).map(|row| {
        let best = (0u32..)
            .zip(row)
            .reduce(|best, other| match other.1.total_cmp(best.1) {
                std::cmp::Ordering::Greater => other,
                _ => best,
            });
        best.map_or(0, |(id, _)| id)
    });
    Ok(best.collect())
}
