//! What a training computes: the loss of a step, and the contrasts and perplexity of a check.

use burn::tensor::{Tensor, TensorData};
use layerlab_model::{Decoder, ModelError, NoObserver, Target, yield_now};

use super::{Tuner, pairs::Pairs};
use crate::{
    Objective, TuneError,
    numbers::numbers,
    objective::{contrast, information_noise, margin, preference},
    order::chosen,
    prefix::Prefix,
};

/// Pairs or sequences of a forward pass while they are checked.
const CHECKED_AT_ONCE: usize = 16;

/// What one pass over pairs finds.
struct Passed {
    /// Summed log-likelihood of each answer `[2 · pairs]`, factual ones first.
    sums: Tensor<1>,
    /// Tokens of all factual answers.
    factual_tokens: usize,
    /// Residual stream at the output of the highest adapted layer.
    hidden: Tensor<3>,
}

impl Tuner {
    /// What is minimised `[1]`, and with it the objective, the mean contrast and the neutral cross-entropy `[4]`.
    pub(super) fn loss(
        &self,
        decoder: &Decoder,
        number: usize,
    ) -> Result<(Tensor<1>, Tensor<1>), TuneError> {
        let recipe = &self.recipe;
        let chosen = chosen(recipe.seed, number, self.train.len(), recipe.pairs, 0);
        let passed = self.pass(decoder, &self.train, &chosen)?;
        let contrasts = contrast(passed.sums.clone());
        let pairs = chosen.len();
        let objective = match recipe.objective {
            Objective::Margin { margin: wanted } => margin(contrasts.clone(), wanted),
            Objective::Dpo { beta } => {
                let frozen: Vec<f32> = chosen.iter().map(|&pair| self.reference[pair]).collect();
                let frozen =
                    Tensor::from_data(TensorData::new(frozen, [pairs]), &contrasts.device());
                preference(contrasts.clone(), frozen, beta)
            }
            Objective::InfoNce { temperature } => {
                let [prompts, answers] = self.representations(&passed.hidden, &chosen);
                information_noise(prompts, answers, temperature)
            }
        };
        let factual = passed.sums.narrow(0, 0, pairs).sum();
        let answers = factual / -(passed.factual_tokens.max(1) as f64);
        let neutral = self.neutral_loss(decoder, number)?;
        let loss = objective.clone()
            + answers * recipe.answer_weight
            + neutral.clone() * recipe.neutral_weight;
        let parts = vec![loss.clone(), objective, contrasts.mean(), neutral];
        Ok((loss, Tensor::cat(parts, 0).detach()))
    }

    /// Passes chosen pairs through the layers from the lowest adapter up.
    fn pass(
        &self,
        decoder: &Decoder,
        pairs: &Pairs,
        chosen: &[usize],
    ) -> Result<Passed, ModelError> {
        let sides = Pairs::sides(chosen);
        let targets = pairs.targets(&sides);
        let (hidden, found, middle) = self.upper(decoder, &pairs.prefix, &sides, &targets)?;
        let device = hidden.device();
        // One row for each answer, with a one for each of its tokens.
        let mut rows = vec![0f32; sides.len() * targets.len()];
        for (column, target) in targets.iter().enumerate() {
            rows[target.row * targets.len() + column] = 1.0;
        }
        let rows = TensorData::new(rows, [sides.len(), targets.len()]);
        let rows = Tensor::<2>::from_data(rows, &device);
        Ok(Passed {
            sums: rows.matmul(found.unsqueeze_dim(1)).squeeze_dim(1),
            factual_tokens: targets
                .iter()
                .filter(|target| target.row < chosen.len())
                .count(),
            hidden: middle,
        })
    }

    /// Hidden states after the final norm, log-likelihoods of the targets, and the stream at the output of the highest
    /// adapted layer.
    fn upper(
        &self,
        decoder: &Decoder,
        prefix: &Prefix,
        chosen: &[usize],
        targets: &[Target],
    ) -> Result<(Tensor<3>, Tensor<1>, Tensor<3>), ModelError> {
        let (batch, mut hidden) = prefix.batch(chosen)?;
        if decoder.device().is_autodiff() {
            hidden = hidden.autodiff();
        }
        let layers = self.adapters.layers();
        let (lowest, highest) = (layers.first(), layers.last());
        let mut stream = decoder.resume(&batch, hidden)?;
        let mut middle = stream.hidden();
        for layer in lowest.copied().unwrap_or(0)..decoder.spec().layers() {
            stream = decoder.advance(stream, layer, &mut NoObserver)?;
            if Some(&layer) == highest {
                middle = stream.hidden();
            }
        }
        let hidden = decoder.finish(stream);
        let found = decoder.log_likelihoods(hidden.clone(), targets);
        let found = found.ok_or(ModelError::EmptySequence)?;
        Ok((hidden, found, middle))
    }

    /// Mean hidden states of prompts `[pairs, channels]` and answers `[2 · pairs, channels]`.
    fn representations(&self, hidden: &Tensor<3>, chosen: &[usize]) -> [Tensor<2>; 2] {
        let [rows, tokens, channels] = hidden.dims();
        let sides = Pairs::sides(chosen);
        let mean = |rows: usize, within: &dyn Fn(usize, usize) -> bool| {
            let mut weights = Vec::with_capacity(rows * tokens);
            for &side in &sides[..rows] {
                let counted: Vec<bool> = (0..tokens).map(|token| within(side, token)).collect();
                let count = counted.iter().filter(|counted| **counted).count().max(1);
                weights.extend(
                    counted
                        .iter()
                        .map(|&counted| f32::from(u8::from(counted)) / count as f32),
                );
            }
            let weights = TensorData::new(weights, [rows, 1, tokens]);
            let weights = Tensor::<3>::from_data(weights, &hidden.device());
            weights
                .matmul(hidden.clone().narrow(0, 0, rows))
                .reshape([rows, channels])
        };
        let pairs = &self.train;
        // An answer of one token is read nowhere but where it is predicted from.
        let first = |side: usize| pairs.starts[side].min(pairs.prefix.sequence(side).len() - 1);
        [
            mean(rows / 2, &|side, token| token < first(side)),
            mean(rows, &|side, token| {
                (first(side)..pairs.prefix.sequence(side).len()).contains(&token)
            }),
        ]
    }

    /// Cross-entropy of neutral sequences of a pass, in nats per token `[1]`.
    fn neutral_loss(&self, decoder: &Decoder, number: usize) -> Result<Tensor<1>, ModelError> {
        let prefix = &self.neutral_train;
        let chosen = chosen(
            self.recipe.seed,
            number,
            prefix.len(),
            self.recipe.neutral,
            1,
        );
        let found = self.neutral(decoder, prefix, &chosen)?;
        Ok(found.mean().neg())
    }

    /// Log-likelihoods of all tokens of chosen sequences but their first.
    fn neutral(
        &self,
        decoder: &Decoder,
        prefix: &Prefix,
        chosen: &[usize],
    ) -> Result<Tensor<1>, ModelError> {
        let read: Vec<&[u32]> = chosen.iter().map(|&index| prefix.sequence(index)).collect();
        let targets = Target::next_tokens(&read);
        let (_, found, _) = self.upper(decoder, prefix, chosen, &targets)?;
        Ok(found)
    }

    /// log p(factual) − log p(hallucinated) of all pairs, in their order.
    pub(super) async fn contrasts(
        &self,
        decoder: &Decoder,
        pairs: &Pairs,
    ) -> Result<Vec<f32>, ModelError> {
        let all: Vec<usize> = (0..pairs.len()).collect();
        let mut contrasts = Vec::with_capacity(all.len());
        for chosen in all.chunks(CHECKED_AT_ONCE) {
            let sums = self.pass(decoder, pairs, chosen)?.sums;
            contrasts.extend(numbers(contrast(sums)).await?);
            yield_now().await;
        }
        Ok(contrasts)
    }

    pub(super) async fn perplexity(&self, decoder: &Decoder) -> Result<f64, ModelError> {
        let all: Vec<usize> = (0..self.neutral_validation.len()).collect();
        let (mut sum, mut tokens) = (0.0, 0);
        for chosen in all.chunks(CHECKED_AT_ONCE) {
            let found = numbers(self.neutral(decoder, &self.neutral_validation, chosen)?).await?;
            sum += found.iter().map(|&value| f64::from(value)).sum::<f64>();
            tokens += found.len();
            yield_now().await;
        }
        Ok((-sum / tokens.max(1) as f64).exp())
    }
}
