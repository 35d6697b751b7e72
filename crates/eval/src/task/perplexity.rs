//! Perplexity over a text in windows.

use layerlab_model::{Parting, each_part};

use super::{Asked, OnProgress, Task, likelihood::batch_sums, step};
use crate::{Continued, EvalError, Metric, MetricResult, Sample};

/// Tokens of a window where nothing else is asked for and the context allows it.
const DEFAULT_WINDOW: usize = 256;

impl Asked<'_> {
    /// Perplexity of a text. A window's tokens that the one before has predicted serve as context only, so
    /// that every token counts once; this is the sliding window of `transformers`' documentation, with
    /// the mean taken over tokens and not over windows. Also gives the number of windows that the text has.
    pub async fn perplexity(
        &self,
        text: &str,
        progress: &mut OnProgress<'_>,
    ) -> Result<(Task, Vec<MetricResult>, usize), EvalError> {
        let context = self.context();
        let window = self.options.window.unwrap_or(DEFAULT_WINDOW.min(context));
        let stride = self.options.stride.unwrap_or(window);
        if window < 2 || window > context || stride == 0 || stride > window {
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
        let ids = self.tokenizer.encode_text(text)?;
        if ids.len() < 2 {
            return Err(EvalError::ShortText {
                name: self.dataset.to_owned(),
                tokens: ids.len(),
            });
        }
        let mut windows = windows(&ids, window, stride);
        let of = windows.len();
        windows.truncate(self.options.max_windows.unwrap_or(usize::MAX));
        let (mut losses, mut tokens) = (Vec::new(), Vec::new());
        step(progress, 0, windows.len()).await?;
        let device = self.decoder.device();
        let parting = Parting::of((self.options.batch_tokens / window).max(1), &device);
        for batch in windows.chunks(parting.together()) {
            let mut parts: Vec<&[Continued]> = batch.chunks(parting.size).collect();
            let sums = each_part(&device, &mut parts, async |part| {
                let requests: Vec<&Continued> = part.iter().collect();
                batch_sums(self.decoder, &requests).await
            });
            losses.extend(sums.await?.into_iter().flatten().map(|sum| -sum));
            tokens.extend(
                batch
                    .iter()
                    .map(|window| (window.ids.len() - window.start) as f64),
            );
            step(progress, losses.len(), windows.len()).await?;
        }
        let task = Task::Perplexity {
            window,
            stride,
            bos: self.tokenizer.leading_bos().is_some(),
            tokens: tokens.iter().sum::<f64>() as usize,
        };
        let sample = Sample::Perplexity { losses, tokens };
        Ok((task, vec![self.result(Metric::Perplexity, sample)], of))
    }
}

/// Windows over the text, each with the first token that it predicts. What would predict nothing is left
/// out.
fn windows(ids: &[u32], window: usize, stride: usize) -> Vec<Continued> {
    let mut windows = Vec::new();
    let (mut begin, mut predicted) = (0, 0);
    while predicted < ids.len() {
        let end = (begin + window).min(ids.len());
        // The first token of a window has nothing before it.
        let start = (predicted - begin).max(1);
        if end - begin > start {
            windows.push(Continued {
                ids: ids[begin..end].to_vec(),
                start,
            });
        }
        predicted = end;
        begin += stride;
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(tokens: u32, window: usize, stride: usize) -> Vec<(Vec<u32>, usize)> {
        let ids: Vec<u32> = (0..tokens).collect();
        let windows = windows(&ids, window, stride);
        windows
            .into_iter()
            .map(|request| (request.ids, request.start))
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
}
