//! Text from a decoder, token by token.

mod batch;

pub use batch::generate_batch;

use std::ops::ControlFlow;

use burn::tensor::Tensor;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    ModelError,
    decoder::{Decoder, KvCache, NoObserver, PaddingSide, TokenBatch},
    spec::PositionSpec,
    yield_now,
};

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampling {
    /// The most likely one; the lower id where two are equal.
    Greedy,
    /// Drawn at random from the softmax of logits.
    Sample {
        /// Divides the logits: below 1 is more certain, above 1 more varied. Greater than 0.
        temperature: f64,
        /// Only the `k` most likely tokens are drawn from, if given. At least 1.
        top_k: Option<usize>,
        /// Only the most likely tokens that together hold this probability are drawn from, if
        /// given. In (0, 1].
        top_p: Option<f64>,
        /// Seed of the generator: equal seeds give equal texts.
        seed: u64,
    },
}

/// What to generate.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateOptions {
    /// Tokens at most.
    pub max_new_tokens: usize,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Tokens that end the text; they are not part of it.
    pub stop: Vec<u32>,
}

impl GenerateOptions {
    /// The most likely tokens.
    pub fn greedy(max_new_tokens: usize, stop: &[u32]) -> Self {
        Self {
            max_new_tokens,
            sampling: Sampling::Greedy,
            stop: stop.to_vec(),
        }
    }
}

/// Continues `prompt`, handing each new token to `on_token`, which may end the text by `Break`.
/// Returns the new tokens. The text ends early where trained positions end.
///
/// # Errors
/// When the prompt is empty or longer than the trained positions, an id is outside the vocabulary,
/// the sampling options are out of range, the logits are no numbers, or the device fails.
pub async fn generate(
    decoder: &Decoder,
    prompt: &[u32],
    options: &GenerateOptions,
    on_token: &mut dyn FnMut(u32) -> ControlFlow<()>,
) -> Result<Vec<u32>, ModelError> {
    let mut chooser = Chooser::new(options.sampling)?;
    let limit = limit(decoder);
    let mut cache = KvCache::new();
    let mut generated = Vec::new();
    let mut step = prompt.to_vec();
    while generated.len() < options.max_new_tokens {
        let length = prompt.len() + generated.len();
        if length > limit && !generated.is_empty() {
            break;
        }
        let position = &decoder.spec().position;
        if !generated.is_empty() && position.cached_keys_expire(length - 1, length) {
            cache = KvCache::new();
            step = [prompt, &generated[..]].concat();
        }
        let batch = TokenBatch::new(&[&step], PaddingSide::Right)?;
        let hidden = decoder.hidden_states(&batch, Some(&mut cache), &mut NoObserver)?;
        let last = hidden.narrow(1, step.len() - 1, 1);
        let token = chooser.choose(&read(decoder.logits(last)).await?);
        if options.stop.contains(&token) {
            break;
        }
        generated.push(token);
        yield_now().await;
        if on_token(token).is_break() {
            break;
        }
        step = vec![token];
    }
    Ok(generated)
}

/// Tokens that the decoder can read at all.
fn limit(decoder: &Decoder) -> usize {
    match decoder.spec().position {
        PositionSpec::Learned { positions, .. } => positions,
        PositionSpec::Rotary { .. } => usize::MAX,
    }
}

async fn read(logits: Tensor<3>) -> Result<Vec<f32>, ModelError> {
    let data = logits.into_data_async().await?;
    let logits: Vec<f32> = data.iter().collect();
    match logits.iter().any(|logit| logit.is_nan()) {
        // NaN ranks above all numbers: what followed would be chosen by it.
        true => Err(ModelError::NotNumbers),
        false => Ok(logits),
    }
}

enum Chooser {
    Greedy,
    Sample {
        temperature: f64,
        top_k: usize,
        top_p: f64,
        random: Box<ChaCha8Rng>,
    },
}

impl Chooser {
    fn new(sampling: Sampling) -> Result<Self, ModelError> {
        match sampling {
            Sampling::Greedy => Ok(Self::Greedy),
            Sampling::Sample {
                temperature,
                top_k,
                top_p,
                seed,
            } => {
                if !(temperature > 0.0 && temperature.is_finite()) {
                    let problem = format!("the temperature must be above 0, not {temperature}");
                    return Err(ModelError::Sampling(problem));
                }
                if top_k == Some(0) {
                    return Err(ModelError::Sampling("top-k must be at least 1".into()));
                }
                let top_p = top_p.unwrap_or(1.0);
                if !(top_p > 0.0 && top_p <= 1.0) {
                    let problem = format!("top-p must be above 0 and at most 1, not {top_p}");
                    return Err(ModelError::Sampling(problem));
                }
                Ok(Self::Sample {
                    temperature,
                    top_k: top_k.unwrap_or(usize::MAX),
                    top_p,
                    random: Box::new(ChaCha8Rng::seed_from_u64(seed)),
                })
            }
        }
    }

    /// An index into `logits`. The host ranks: sorting on a device would block in a browser.
    fn choose(&mut self, logits: &[f32]) -> u32 {
        match self {
            Self::Greedy => likeliest(logits),
            Self::Sample {
                temperature,
                top_k,
                top_p,
                random,
            } => {
                let mut ranked: Vec<(u32, f32)> = (0..).zip(logits.iter().copied()).collect();
                // Where every token may be drawn their order does not matter, and to sort them all would take longer than the draw.
                if *top_k < ranked.len() || *top_p < 1.0 {
                    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                    ranked.truncate(*top_k);
                }
                let highest = ranked.iter().map(|(_, logit)| *logit);
                let highest = f64::from(highest.fold(f32::NEG_INFINITY, f32::max));
                let mut weights: Vec<f64> = ranked
                    .iter()
                    .map(|(_, logit)| ((f64::from(*logit) - highest) / *temperature).exp())
                    .collect();
                if *top_p < 1.0 {
                    let total: f64 = weights.iter().sum();
                    let mut held = 0.0;
                    let kept = weights.iter().take_while(|weight| {
                        let before = held;
                        held += **weight / total;
                        before < *top_p
                    });
                    let kept = kept.count();
                    weights.truncate(kept);
                }
                let mut draw = random.random::<f64>() * weights.iter().sum::<f64>();
                let drawn = weights.iter().position(|weight| {
                    draw -= weight;
                    draw < 0.0
                });
                // Rounding may leave a hair over after the last weight.
                let index = drawn.unwrap_or(weights.len().saturating_sub(1));
                ranked.get(index).map_or(0, |(id, _)| *id)
            }
        }
    }
}

/// The id of the highest logit, the lower of equals.
fn likeliest(logits: &[f32]) -> u32 {
    let best = (0u32..)
        .zip(logits)
        .reduce(|best, other| match other.1.total_cmp(best.1) {
            std::cmp::Ordering::Greater => other,
            _ => best,
        });
    best.map_or(0, |(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(temperature: f64, top_k: Option<usize>, top_p: Option<f64>) -> Chooser {
        Chooser::new(Sampling::Sample {
            temperature,
            top_k,
            top_p,
            seed: 7,
        })
        .unwrap()
    }

    /// Shares of 20,000 draws from logits of probabilities 0.5, 0.3, 0.2.
    fn shares(mut chooser: Chooser) -> [f64; 3] {
        let logits = [0.5f32, 0.3, 0.2].map(f32::ln).to_vec();
        let mut counts = [0.0; 3];
        for _ in 0..20_000 {
            counts[chooser.choose(&logits) as usize] += 1.0 / 20_000.0;
        }
        counts
    }

    fn assert_close(found: [f64; 3], expected: [f64; 3]) {
        for (found, expected) in found.iter().zip(expected) {
            // Four standard deviations of a share near 1/2 among 20,000.
            assert!((found - expected).abs() < 0.0142, "{found} for {expected}");
        }
    }

    #[test]
    fn greedy_takes_the_highest_and_the_lower_id_of_equals() {
        assert_eq!(Chooser::Greedy.choose(&[0.1, 2.0, 2.0, -1.0]), 1);
    }

    #[test]
    fn draws_follow_the_softmax() {
        assert_close(shares(sampler(1.0, None, None)), [0.5, 0.3, 0.2]);
    }

    #[test]
    fn temperature_sharpens() {
        // Squared and renormalised: 25 : 9 : 4.
        let expected = [25.0 / 38.0, 9.0 / 38.0, 4.0 / 38.0];
        assert_close(shares(sampler(0.5, None, None)), expected);
    }

    #[test]
    fn top_k_and_top_p_cut_the_tail() {
        let expected = [0.625, 0.375, 0.0];
        assert_close(shares(sampler(1.0, Some(2), None)), expected);
        assert_close(shares(sampler(1.0, None, Some(0.6))), expected);
        assert_close(shares(sampler(1.0, None, Some(0.5))), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn options_out_of_range_are_refused() {
        for (temperature, top_k, top_p) in [
            (0.0, None, None),
            (f64::NAN, None, None),
            (1.0, Some(0), None),
            (1.0, None, Some(0.0)),
            (1.0, None, Some(1.1)),
        ] {
            let sampling = Sampling::Sample {
                temperature,
                top_k,
                top_p,
                seed: 0,
            };
            assert!(matches!(
                Chooser::new(sampling),
                Err(ModelError::Sampling(_))
            ));
        }
    }
}
