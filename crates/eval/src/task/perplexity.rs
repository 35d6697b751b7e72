//! Perplexity over a text in windows, and bits per byte, which models with different tokenizers can be compared by.

use std::f64::consts::LN_2;

use layerlab_model::Parting;
use sha2::{Digest, Sha256};

use super::{Answered, Asked, Metrics, OnProgress, Task};
use crate::{Continued, EvalError, Metric, Sample};

/// Tokens of a window where nothing else is asked for and the context allows it.
const DEFAULT_WINDOW: usize = 256;

impl Asked<'_> {
    /// Perplexity of a text. A window's tokens that the one before has predicted serve as context only, so
    /// that every token counts once; this is the sliding window of `transformers`' documentation, with
    /// the mean taken over tokens and not over windows. Where the tokenizer adds BOS to a text, every window begins with it,
    /// as in llama.cpp: some models make no sense of a text without. Also gives the number of windows that the text has.
    pub async fn perplexity(
        &self,
        text: &str,
        progress: &mut OnProgress<'_>,
    ) -> Result<(Answered, usize), EvalError> {
        let context = self.context();
        let window = self.options.window.unwrap_or(DEFAULT_WINDOW.min(context));
        let bos = self.tokenizer.leading_bos();
        // Tokens of the text in a window.
        let most = window.saturating_sub(bos.iter().len());
        let stride = self.options.stride.unwrap_or(most);
        if window < 2 || window > context || stride == 0 || stride > most {
            return Err(EvalError::Window {
                window,
                stride,
                context,
            });
        }
        if text.trim().is_empty() {
            return Err(EvalError::EmptyText {
                name: self.dataset.to_owned(),
            });
        }
        let (ids, ends) = self.tokenizer.encode_text_with_ends(text)?;
        if ids.len() < 2 {
            return Err(EvalError::ShortText {
                name: self.dataset.to_owned(),
                tokens: ids.len(),
            });
        }
        let mut windows = windows(&ids[bos.iter().len()..], bos, most, stride);
        let of = windows.len();
        windows.truncate(self.options.max_windows.unwrap_or(usize::MAX));
        let windows = self.own(&windows);
        let mut found: Vec<Losses> = vec![Losses::default(); self.cuts.len()];
        let mut reading = self.reading(windows.len());
        reading.step(progress).await?;
        let parting = Parting::of(
            (self.options.batch_tokens / window).max(1),
            &self.decoder.device(),
        );
        for batch in windows.chunks(parting.together()) {
            let parts = batch.chunks(parting.size);
            let parts = parts.map(|part| part.iter().map(|window| &window.read).collect());
            let parts: Vec<Vec<&Continued>> = parts.collect();
            let read = reading.read(&parts, progress).await?;
            for (losses, rows) in found.iter_mut().zip(read) {
                for (window, log_likelihoods) in batch.iter().zip(rows) {
                    losses.add(&ends, window, &log_likelihoods);
                }
            }
        }
        let [tokens, bytes] = found.first().map_or([0, 0], Losses::counted);
        let task = Task::Perplexity {
            window,
            stride,
            bos: bos.is_some(),
            tokens,
            bytes,
            token_sha256: hash(&ids),
        };
        let metrics = found.into_iter().map(|losses| losses.results(self));
        let answered = Answered {
            task,
            metrics: metrics.collect(),
            sequences: windows.len(),
        };
        Ok((answered, of))
    }
}

/// Losses of one model's windows.
#[derive(Default, Clone)]
struct Losses {
    losses: Vec<f64>,
    tokens: Vec<f64>,
    blocks: Blocks,
}

impl Losses {
    fn add(&mut self, ends: &[usize], window: &Window, log_likelihoods: &[f64]) {
        self.losses.push(-log_likelihoods.iter().sum::<f64>());
        self.tokens.push(log_likelihoods.len() as f64);
        let first = window.begin + window.read.start;
        for (place, log_likelihood) in log_likelihoods.iter().enumerate() {
            self.blocks.add(ends, first + place, *log_likelihood);
        }
    }

    /// Tokens predicted, and the bytes that they stand for.
    fn counted(&self) -> [usize; 2] {
        [&self.tokens, &self.blocks.bytes].map(|counts| counts.iter().sum::<f64>() as usize)
    }

    fn results(self, asked: &Asked<'_>) -> Metrics {
        let perplexity = Sample::Perplexity {
            losses: self.losses,
            tokens: self.tokens,
        };
        let bits_per_byte = Sample::BitsPerByte {
            bits: self.blocks.bits,
            bytes: self.blocks.bytes,
        };
        vec![
            asked.result(Metric::Perplexity, perplexity),
            asked.result(Metric::BitsPerByte, bits_per_byte),
        ]
    }
}

/// Bytes of a block of text, whose loss is one number of the bootstrap: about what a window of usual length holds.
const BLOCK: usize = 1024;

/// Losses by blocks of the text, which are the same for every tokenizer.
#[derive(Default, Clone)]
struct Blocks {
    bits: Vec<f64>,
    bytes: Vec<f64>,
}

impl Blocks {
    /// Adds the token at a place of the text, not its first, by where tokens end.
    fn add(&mut self, ends: &[usize], place: usize, log_likelihood: f64) {
        let (begin, end) = (ends[place - 1], ends[place]);
        let block = begin / BLOCK;
        if self.bits.len() <= block {
            self.bits.resize(block + 1, 0.0);
            self.bytes.resize(block + 1, 0.0);
        }
        self.bits[block] -= log_likelihood / LN_2;
        self.bytes[block] += (end - begin) as f64;
    }
}

fn hash(ids: &[u32]) -> String {
    let mut hasher = Sha256::new();
    for id in ids {
        hasher.update(id.to_le_bytes());
    }
    format!("{:x}", hasher.finalize())
}

/// A window of the text.
struct Window {
    /// Place of its first token in the text, where BOS is at place 0.
    begin: usize,
    /// Its tokens, with the first that it predicts.
    read: Continued,
}

/// Windows of `most` tokens over the text, before each BOS where there is one, and with the first token that it predicts. What
/// would predict nothing is left out.
fn windows(ids: &[u32], bos: Option<u32>, most: usize, stride: usize) -> Vec<Window> {
    let before = bos.iter().len();
    let mut windows = Vec::new();
    let (mut begin, mut predicted) = (0, 0);
    while predicted < ids.len() {
        let end = (begin + most).min(ids.len());
        // The first token of a window is predicted from BOS or from nothing.
        let start = (before + predicted - begin).max(1);
        if before + end - begin > start {
            let ids = bos.iter().chain(&ids[begin..end]);
            let read = Continued {
                ids: ids.copied().collect(),
                start,
            };
            windows.push(Window { begin, read });
        }
        predicted = end;
        begin += stride;
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(tokens: u32, most: usize, stride: usize) -> Vec<(Vec<u32>, usize)> {
        cut_after(None, tokens, most, stride)
    }

    fn cut_after(
        bos: Option<u32>,
        tokens: u32,
        most: usize,
        stride: usize,
    ) -> Vec<(Vec<u32>, usize)> {
        let ids: Vec<u32> = (0..tokens).collect();
        let windows = windows(&ids, bos, most, stride);
        windows
            .into_iter()
            .map(|window| (window.read.ids, window.read.start))
            .collect()
    }

    #[test]
    fn windows_end_to_end_predict_all_but_their_first() {
        let expected = [(vec![0, 1, 2, 3], 1), (vec![4, 5, 6, 7], 1)];
        assert_eq!(cut(9, 4, 4), expected);
    }

    #[test]
    fn overlapping_windows_predict_every_token_but_the_first_once() {
        let expected = [
            (vec![0, 1, 2, 3], 1),
            (vec![2, 3, 4, 5], 2),
            (vec![4, 5, 6], 2),
        ];
        assert_eq!(cut(7, 4, 2), expected);
    }

    #[test]
    fn a_short_text_is_one_window() {
        assert_eq!(cut(3, 8, 8), [(vec![0, 1, 2], 1)]);
        assert_eq!(cut(2, 2, 1), [(vec![0, 1], 1)]);
    }

    #[test]
    fn every_window_begins_with_bos_which_predicts_its_first_token() {
        let end_to_end = [
            (vec![9, 0, 1, 2], 1),
            (vec![9, 3, 4, 5], 1),
            (vec![9, 6], 1),
        ];
        assert_eq!(cut_after(Some(9), 7, 3, 3), end_to_end);
        let overlapping = [(vec![9, 0, 1, 2], 1), (vec![9, 2, 3, 4], 2)];
        assert_eq!(cut_after(Some(9), 5, 3, 2), overlapping);
    }

    #[test]
    fn losses_go_to_the_blocks_where_their_text_begins() {
        // Tokens that end at bytes 0 (BOS), 1000, 1030 (across the edge), 1030 (no text of its own), 2050 and 4100.
        let ends = [0, 1000, 1030, 1030, 2050, 4100];
        let mut blocks = Blocks::default();
        for place in 1..ends.len() {
            blocks.add(&ends, place, -LN_2 * place as f64);
        }
        assert_eq!(blocks.bytes, [1030.0, 1020.0, 2050.0]);
        assert_eq!(blocks.bits, [3.0, 7.0, 5.0]);
    }
}
