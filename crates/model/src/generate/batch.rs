//! Several prompts continued at once: what evaluation by generation needs, and a text that a model writes itself.

use std::ops::ControlFlow;

use burn::tensor::Tensor;

use super::{Chooser, GenerateOptions, likeliest, limit, read};
use crate::{
    ModelError,
    decoder::{Decoder, KvCache, NoObserver, PaddingSide, TokenBatch},
    yield_now,
};

/// Continues every prompt. A text ends as `options` say, when `is_done` says so of what has been generated, or where trained positions
/// end. Tokens are drawn one prompt after the other, so that a seed gives the same texts with the same prompts beside each other. Texts come in the order of prompts; none where `go_on`, which is asked before
/// every token, breaks off.
///
/// # Errors
/// When a prompt is empty or longer than the trained positions, an id is outside the vocabulary, the sampling options are out of range, the
/// logits are no numbers, or the device fails.
pub async fn generate_batch<S: AsRef<[u32]>>(
    decoder: &Decoder,
    prompts: &[S],
    options: &GenerateOptions,
    is_done: &mut dyn FnMut(&[u32]) -> bool,
    go_on: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Option<Vec<Vec<u32>>>, ModelError> {
    let mut chooser = Chooser::new(options.sampling)?;
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
    for number in 0..options.max_new_tokens.min(room.saturating_add(1)) {
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
        let next = each_row(decoder.logits(last), |row| chooser.choose(row)).await?;
        for ((text, done), token) in texts.iter_mut().zip(&mut done).zip(&next) {
            if *done {
                continue;
            }
            if options.stop.contains(token) {
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
        each_row(self.logits(hidden), likeliest).await
    }
}

/// A token for each row of logits `[batch, tokens, vocabulary]`.
async fn each_row(
    logits: Tensor<3>,
    choose: impl FnMut(&[f32]) -> u32,
) -> Result<Vec<u32>, ModelError> {
    let [_, _, vocabulary] = logits.dims();
    let logits = read(logits).await?;
    Ok(logits.chunks(vocabulary).map(choose).collect())
}
