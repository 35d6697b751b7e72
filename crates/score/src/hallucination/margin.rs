//! What EAVSS is held against: by how much each layer moves the margin of right answers over wrong ones, measured by leaving it
//! out. And what answers show before any layer is looked at: their lengths and their likelihoods.

use layerlab_stats::Resamples;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ContrastOptions, Estimate, agreement::Drawn, auroc::Ordered};
use crate::{Direction, LayerLosses, rank::ranks};

/// Summed cross-entropy of the answers of pairs, in nats: as the model is and, where that was measured, without each layer. One
/// entry a pair, in the order of the pairs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AnswerLosses {
    /// Of factual answers.
    pub factual: LayerLosses,
    /// Of hallucinated answers.
    pub hallucinated: LayerLosses,
}

/// How a margin is counted.
#[derive(Clone, Copy)]
enum Margin {
    /// Over all tokens of an answer.
    Summed,
    /// In the mean over the tokens of an answer, so that long answers are not unlikely for being long.
    PerToken,
}

/// The margin: the mean over pairs of log p(right answer) − log p(wrong answer), in nats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Margins {
    /// Of the model as it is, log-probabilities summed over the tokens of an answer.
    pub summed: Estimate,
    /// The same with the mean over the tokens of an answer.
    pub per_token: Estimate,
    /// By how much each layer moves it, first layer first.
    pub layers: Vec<LayerMargin>,
}

/// By how much the margin changes when a layer is left out. Where it rises, the layer made wrong answers likelier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LayerMargin {
    /// The layer, from 0.
    pub layer: usize,
    /// Margin without the layer less that of the model as it is, in nats, summed over tokens; interval over pairs.
    pub summed: Estimate,
    /// The same with the mean over tokens.
    pub per_token: Estimate,
    /// 1 is the layer whose absence raises the margin per token most: sums move with the length of answers.
    pub rank: Option<usize>,
}

/// How well two properties of answers that need no layer tell factual from hallucinated ones: AUROC, 0.5 is chance, and below it
/// the other side has more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerControls {
    /// By the number of tokens: the probability that a factual answer is the longer one.
    pub length: Estimate,
    /// By the mean log-probability of its tokens: the probability that a factual answer is the likelier one.
    pub log_probability: Estimate,
}

impl AnswerLosses {
    /// Appends other pairs of the same model.
    pub fn append(&mut self, next: Self) {
        self.factual.append(next.factual);
        self.hallucinated.append(next.hallucinated);
    }

    /// Whether the parts belong together and are of so many pairs.
    pub fn is_sound(&self, pairs: usize, layers: usize) -> bool {
        let without = self.factual.without.first().map_or(0, Vec::len);
        let is_sound = |side: &LayerLosses| {
            side.tokens.len() == pairs
                && side.whole.len() == pairs
                && side.without.len() == layers
                && side.without.iter().all(|layer| layer.len() == without)
        };
        [0, pairs].contains(&without) && is_sound(&self.factual) && is_sound(&self.hallucinated)
    }

    /// Whether layers were left out.
    fn has_layers(&self) -> bool {
        let pairs = self.factual.whole.len();
        self.factual
            .without
            .iter()
            .any(|layer| layer.len() == pairs)
    }

    /// The margin of each pair: as the model is, or without a layer.
    fn of_pairs(&self, margin: Margin, layer: Option<usize>) -> Vec<f64> {
        let log_probability = |side: &LayerLosses, pair: usize| {
            let sums = match layer {
                Some(layer) => side.without.get(layer),
                None => Some(&side.whole),
            };
            let sum = sums.and_then(|sums| sums.get(pair)).copied();
            let count = match margin {
                Margin::Summed => 1.0,
                Margin::PerToken => side.tokens.get(pair).copied().unwrap_or(0) as f64,
            };
            -sum.unwrap_or(f64::NAN) / count
        };
        let pairs = 0..self.factual.whole.len();
        pairs
            .map(|pair| {
                log_probability(&self.factual, pair) - log_probability(&self.hallucinated, pair)
            })
            .collect()
    }

    /// Changes of each pair's margin without each layer.
    fn changes(&self, margin: Margin) -> Vec<Vec<f64>> {
        let whole = self.of_pairs(margin, None);
        let layers = 0..self.factual.without.len();
        let change = |layer| {
            let without = self.of_pairs(margin, Some(layer));
            without.iter().zip(&whole).map(|(a, b)| a - b).collect()
        };
        layers.map(change).collect()
    }

    /// Margins with intervals over pairs; none where layers were not left out. `options` are those of a contrast.
    pub fn margins(&self, options: &ContrastOptions) -> Option<Margins> {
        if !self.has_layers() {
            return None;
        }
        let resamples = self.resamples(options);
        let estimate = |values: &[f64]| estimated(values, &resamples, options.confidence);
        let (summed, per_token) = (self.changes(Margin::Summed), self.changes(Margin::PerToken));
        let layers = summed.iter().zip(&per_token).enumerate();
        let mut layers: Vec<LayerMargin> = layers
            .map(|(layer, (summed, per_token))| LayerMargin {
                layer,
                summed: estimate(summed),
                per_token: estimate(per_token),
                rank: None,
            })
            .collect();
        let values: Vec<Option<f64>> = layers.iter().map(|layer| layer.per_token.value).collect();
        // The highest first.
        let ranks = ranks(&values, Direction::LowIsImportant);
        for (layer, rank) in layers.iter_mut().zip(ranks) {
            layer.rank = rank;
        }
        Some(Margins {
            summed: estimate(&self.of_pairs(Margin::Summed, None)),
            per_token: estimate(&self.of_pairs(Margin::PerToken, None)),
            layers,
        })
    }

    fn resamples(&self, options: &ContrastOptions) -> Resamples {
        Resamples::new(self.factual.whole.len(), options.resamples, options.seed)
    }

    /// Mean changes of the margin per token without each layer, of the data and of each resample; none where layers were not
    /// left out.
    pub(super) fn drawn(&self, resamples: &Resamples) -> Option<Drawn> {
        if !self.has_layers() {
            return None;
        }
        let changes = self.changes(Margin::PerToken);
        let of = |draw: &[u32]| changes.iter().map(|values| mean(values, draw)).collect();
        let draws = resamples.draws().iter();
        Some(Drawn {
            values: of(resamples.data()),
            resamples: draws.map(|draw| of(draw)).collect(),
        })
    }

    /// What each pair's margin per token gains from this model to `other`, in nats; of the same pairs.
    pub fn gains(&self, other: &Self) -> Vec<f64> {
        let [before, after] = [self, other].map(|of| of.of_pairs(Margin::PerToken, None));
        after.iter().zip(&before).map(|(a, b)| a - b).collect()
    }

    /// The margin per token of this model.
    pub fn margin(&self, options: &ContrastOptions) -> Estimate {
        self.estimate(&self.of_pairs(Margin::PerToken, None), options)
    }

    /// The mean of values, one for each of these pairs, with its interval.
    pub fn estimate(&self, values: &[f64], options: &ContrastOptions) -> Estimate {
        estimated(values, &self.resamples(options), options.confidence)
    }

    /// What answers show before any layer is looked at. `options` are those of a contrast.
    pub fn controls(&self, options: &ContrastOptions) -> AnswerControls {
        let resamples = self.resamples(options);
        let estimate = |value: &dyn Fn(&LayerLosses, usize) -> f64| {
            let side = |side: &LayerLosses| -> Vec<f64> {
                (0..side.whole.len())
                    .map(|pair| value(side, pair))
                    .collect()
            };
            let ordered = Ordered::of_pairs(&side(&self.factual), &side(&self.hallucinated));
            let interval = resamples.interval(options.confidence, |draw| ordered.auroc(draw));
            Estimate {
                value: ordered.auroc(resamples.data()),
                low: interval.map(|(low, _)| low),
                high: interval.map(|(_, high)| high),
            }
        };
        AnswerControls {
            length: estimate(&|side, pair| side.tokens[pair] as f64),
            log_probability: estimate(&|side, pair| -side.whole[pair] / side.tokens[pair] as f64),
        }
    }
}

/// The mean over pairs, with its interval.
fn estimated(values: &[f64], resamples: &Resamples, confidence: f64) -> Estimate {
    let interval = resamples.interval(confidence, |draw| mean(values, draw));
    Estimate {
        value: mean(values, resamples.data()),
        low: interval.map(|(low, _)| low),
        high: interval.map(|(_, high)| high),
    }
}

/// The mean over pairs, each as often as it is drawn; none where it is no number.
pub(super) fn mean(values: &[f64], draw: &[u32]) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for (value, times) in values.iter().zip(draw) {
        sum += f64::from(*times) * value;
        count += f64::from(*times);
    }
    let mean = sum / count;
    mean.is_finite().then_some(mean)
}
