//! A pair token by token: how far each token of an answer lies towards the factual or the hallucinated side of a layer.

use std::collections::BTreeMap;

use burn::tensor::{Int, Tensor, Transaction};
use layerlab_eval::{Continued, TokenPair};
use layerlab_model::{Observer, PaddingSide, TokenBatch};
use layerlab_stats::{ModelStatistics, Tap};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::measure::MeasuredPairs;
use crate::{LabError, OpenModel, Speech};

/// Sums over channels, of factual and of hallucinated answers.
type Sums = [Vec<f64>; 2];

/// The pairs of a dataset with what directions between their sides are made from: what it takes to look at any of them.
#[derive(Debug)]
pub struct LocatedPairs {
    dataset: String,
    pairs: Vec<TokenPair>,
    /// Sums of the answers' mean hidden states, layer by layer.
    sums: BTreeMap<Tap, Vec<Sums>>,
}

/// One pair at one tap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairTokens {
    /// The dataset.
    pub dataset: String,
    /// Place of the pair in it.
    pub pair: usize,
    /// The tap.
    pub tap: Tap,
    /// What both answers follow.
    pub prompt: String,
    /// The factual answer.
    pub factual: AnswerTokens,
    /// The hallucinated answer.
    pub hallucinated: AnswerTokens,
}

/// One answer, token by token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerTokens {
    /// Its tokens as text; what is part of a character is empty until the character is whole.
    pub tokens: Vec<String>,
    /// For each layer, each token's place along the mass-mean direction: 1 is the mean of factual answers, −1 that of
    /// hallucinated ones. Pairs of the same question took no part in the means.
    pub layers: Vec<Vec<f64>>,
}

impl LocatedPairs {
    pub(super) fn of(dataset: &str, pairs: Vec<TokenPair>, measured: &MeasuredPairs) -> Self {
        let mut sums: BTreeMap<Tap, Vec<Sums>> = BTreeMap::new();
        let sides = [&measured.factual, &measured.hallucinated];
        for layer in 0..measured.factual.layers.len() {
            let taps = measured.factual.layers[layer].taps.keys();
            for &tap in taps {
                let of_side = sides.map(|side| sum(side, layer, tap));
                sums.entry(tap).or_default().push(of_side);
            }
        }
        Self {
            dataset: dataset.to_owned(),
            pairs,
            sums,
        }
    }

    /// The dataset's name.
    pub fn dataset(&self) -> &str {
        &self.dataset
    }

    /// Projects the tokens of a pair's answers, at every layer.
    ///
    /// # Errors
    /// When there is no such pair, the tap was not measured, all pairs are of one question, or the device fails.
    pub async fn tokens<F>(
        &self,
        model: &OpenModel<F>,
        pair: usize,
        tap: Tap,
    ) -> Result<PairTokens, LabError> {
        let missing = || LabError::NoSuchPair {
            dataset: self.dataset.clone(),
            pair,
            pairs: self.pairs.len(),
            tap,
        };
        let chosen = self.pairs.get(pair).ok_or_else(missing)?;
        let sums = self.sums.get(&tap).ok_or_else(missing)?;
        let of_question = self.pairs.iter().filter(|one| one.group == chosen.group);
        let mut own: Vec<&TokenPair> = vec![chosen];
        own.extend(of_question.filter(|one| !std::ptr::eq(*one, chosen)));
        let others = self.pairs.len() - own.len();
        if others == 0 {
            return Err(LabError::OneQuestion {
                dataset: self.dataset.clone(),
            });
        }
        let states = states(model, &own, tap).await?;
        let mut projected: [Vec<Vec<f64>>; 2] = Default::default();
        for (sums, of_layer) in sums.iter().zip(&states) {
            let direction = Direction::without(sums, of_layer, others);
            for (side, projected) in projected.iter_mut().enumerate() {
                // The chosen pair's answers come first.
                let tokens = of_layer[side].iter();
                projected.push(tokens.map(|token| direction.place(token)).collect());
            }
        }
        let [factual, hallucinated] = projected;
        let prompt = &chosen.factual.ids[..chosen.factual.start];
        let side = |answer: &Continued, layers| -> Result<AnswerTokens, LabError> {
            Ok(AnswerTokens {
                tokens: spoken(model, answer)?,
                layers,
            })
        };
        Ok(PairTokens {
            dataset: self.dataset.clone(),
            pair,
            tap,
            prompt: model.tokenizer.decode(prompt, true)?,
            factual: side(&chosen.factual, factual)?,
            hallucinated: side(&chosen.hallucinated, hallucinated)?,
        })
    }
}

/// The sum of the mean hidden states of a side's answers.
fn sum(side: &ModelStatistics, layer: usize, tap: Tap) -> Vec<f64> {
    let answers = side.layers[layer].taps.get(&tap);
    let means = answers.map_or(&[][..], |answers| &answers.sequences);
    let mut sum = Vec::new();
    for answer in means {
        add(&mut sum, &answer.channel_mean);
    }
    sum
}

fn add(sum: &mut Vec<f64>, values: &[f64]) {
    sum.resize(values.len(), 0.0);
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += value;
    }
}

/// From the mean of hallucinated answers to that of factual ones.
struct Direction {
    difference: Vec<f64>,
    middle: f64,
    half_square: f64,
}

impl Direction {
    /// Without the answers of one question, whose tokens are `own`: factual and hallucinated answers by turns.
    fn without(sums: &Sums, own: &[Vec<Vec<f64>>], others: usize) -> Self {
        let mean = |side: usize| {
            let mut rest = sums[side].clone();
            for answer in own.iter().skip(side).step_by(2) {
                for (channel, rest) in rest.iter_mut().enumerate() {
                    let of_channel: f64 = answer.iter().map(|token| token[channel]).sum();
                    *rest -= of_channel / answer.len() as f64;
                }
            }
            rest.iter_mut().for_each(|sum| *sum /= others as f64);
            rest
        };
        let (factual, hallucinated) = (mean(0), mean(1));
        let both = || factual.iter().zip(&hallucinated);
        Self {
            difference: both().map(|(a, b)| a - b).collect(),
            middle: both().map(|(a, b)| (a - b) * (a + b) / 2.0).sum(),
            half_square: both().map(|(a, b)| (a - b) * (a - b) / 2.0).sum(),
        }
    }

    /// 1 at the factual mean, −1 at the hallucinated one; 0 where the two are the same.
    fn place(&self, state: &[f64]) -> f64 {
        if self.half_square == 0.0 {
            return 0.0;
        }
        let along = state.iter().zip(&self.difference).map(|(a, b)| a * b);
        (along.sum::<f64>() - self.middle) / self.half_square
    }
}

/// The hidden states of answer tokens: by layer, by answer (factual and hallucinated ones by turns), by token.
async fn states<F>(
    model: &OpenModel<F>,
    pairs: &[&TokenPair],
    tap: Tap,
) -> Result<Vec<Vec<Vec<Vec<f64>>>>, LabError> {
    let answers: Vec<&Continued> = pairs
        .iter()
        .flat_map(|pair| [&pair.factual, &pair.hallucinated])
        .collect();
    let read: Vec<&[u32]> = answers.iter().map(|answer| &answer.ids[..]).collect();
    let batch = TokenBatch::new(&read, PaddingSide::Right)?;
    let mut observer = TapObserver {
        tap,
        hidden: Vec::new(),
    };
    model.decoder.hidden_states(&batch, None, &mut observer)?;
    let [_, tokens] = batch.shape();
    let channels = observer.hidden.first().map_or(1, |hidden| hidden.dims()[2]);
    let layers = observer.hidden.into_iter();
    let transaction = layers.fold(Transaction::default(), Transaction::register);
    let found = transaction.execute_async().await;
    let found = found.map_err(layerlab_model::ModelError::from)?;
    let of_layers = found.iter().map(|data| {
        let values: Vec<f64> = data.iter::<f32>().map(f64::from).collect();
        let of_answers = answers.iter().enumerate().map(|(row, answer)| {
            let of_answer = answer.start..answer.ids.len();
            let of_token = |token| {
                let start = (row * tokens + token) * channels;
                values[start..start + channels].to_vec()
            };
            of_answer.map(of_token).collect()
        });
        of_answers.collect()
    });
    Ok(of_layers.collect())
}

/// Keeps what passes a tap, on the device.
struct TapObserver {
    tap: Tap,
    hidden: Vec<Tensor<3>>,
}

impl Observer for TapObserver {
    fn wants(&self, _layer: usize, tap: Tap) -> bool {
        tap == self.tap
    }

    fn observe(&mut self, _layer: usize, _tap: Tap, hidden: Tensor<3>, _mask: &Tensor<2, Int>) {
        self.hidden.push(hidden);
    }
}

/// The tokens of an answer as text.
fn spoken<F>(model: &OpenModel<F>, answer: &Continued) -> Result<Vec<String>, LabError> {
    let (prompt, rest) = answer.ids.split_at(answer.start);
    let mut speech = Speech::after(&model.tokenizer, prompt)?;
    let tokens = rest.iter().map(|&id| Ok(speech.push(id)?));
    tokens.collect()
}
