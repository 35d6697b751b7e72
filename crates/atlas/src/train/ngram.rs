//! What counting words achieves: the baseline that a model's perplexity is put beside.

use std::collections::HashMap;

/// An n-gram model with Witten–Bell interpolation (Witten and Bell 1991): the share of a context's tokens is
/// mixed with what shorter contexts say, the more so the more different tokens have followed it.
#[derive(Debug)]
pub struct NGram {
    order: usize,
    vocabulary: usize,
    /// How often a token follows a context of up to `order - 1` tokens.
    counts: HashMap<Vec<u32>, HashMap<u32, u32>>,
}

impl NGram {
    /// Counts sequences of up to `order` tokens in each text.
    pub fn count<T: AsRef<[u32]>>(texts: &[T], order: usize, vocabulary: usize) -> Self {
        let mut counts: HashMap<Vec<u32>, HashMap<u32, u32>> = HashMap::new();
        for text in texts {
            let text = text.as_ref();
            for (place, &token) in text.iter().enumerate() {
                for length in 0..order.min(place + 1) {
                    let context = text[place - length..place].to_vec();
                    *counts.entry(context).or_default().entry(token).or_default() += 1;
                }
            }
        }
        Self {
            order,
            vocabulary,
            counts,
        }
    }

    /// Probability of a token after a context, of which the last tokens count.
    pub fn probability(&self, context: &[u32], token: u32) -> f64 {
        // What has never been seen anywhere is as likely as anything else.
        let mut probability = 1.0 / self.vocabulary as f64;
        for length in 0..self.order.min(context.len() + 1) {
            let Some(followers) = self.counts.get(&context[context.len() - length..]) else {
                break;
            };
            let total: u32 = followers.values().sum();
            let kinds = followers.len() as f64;
            let count = f64::from(followers.get(&token).copied().unwrap_or(0));
            probability = (count + kinds * probability) / (f64::from(total) + kinds);
        }
        probability
    }

    /// Perplexity of a text, its first token not predicted.
    pub fn perplexity(&self, text: &[u32]) -> f64 {
        let losses = (1..text.len()).map(|place| {
            let start = (place + 1).saturating_sub(self.order);
            -self.probability(&text[start..place], text[place]).ln()
        });
        let losses: Vec<f64> = losses.collect();
        (losses.iter().sum::<f64>() / losses.len() as f64).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: [u32; 9] = [0, 1, 2, 0, 1, 3, 0, 1, 2];

    #[test]
    fn probabilities_sum_to_one_in_every_context() {
        let model = NGram::count(&[TEXT], 3, 6);
        for context in [&[][..], &[0], &[0, 1], &[5, 5], &[1, 2, 0, 1]] {
            let sum: f64 = (0..6).map(|token| model.probability(context, token)).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{context:?}: {sum}");
        }
    }

    #[test]
    fn by_hand() {
        // After 1: 2 twice and 3 once. Unigrams: 2 twice of 9, 4 kinds; uniform 1/6.
        let model = NGram::count(&[TEXT], 2, 6);
        let unigram = (2.0 + 4.0 / 6.0) / 13.0;
        let expected = (2.0 + 2.0 * unigram) / 5.0;
        assert!((model.probability(&[1], 2) - expected).abs() < 1e-12);
    }

    #[test]
    fn longer_contexts_predict_better_what_repeats() {
        let text: Vec<u32> = (0..300).map(|place| place % 7 % 5).collect();
        let perplexity = |order| NGram::count(&[&text[..200]], order, 10).perplexity(&text[200..]);
        assert!(perplexity(3) < perplexity(2) && perplexity(2) < perplexity(1));
    }
}
