//! A training, advanced step by step.

use std::collections::BTreeSet;

use burn::{
    module::Module,
    optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer},
    tensor::{Tensor, TensorData, Transaction},
};
use layerlab_eval::{Continued, TokenPair};
use layerlab_model::{Adapters, Decoder, ModelError, Target, breathe};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{
    CheckRecord, Ending, Objective, Recipe, StepRecord, TuneError, TuningState,
    objective::{contrast, information_noise, margin, preference},
    prefix::Prefix,
};

/// Norm at which each tensor's gradient is cut.
const CLIP: f32 = 1.0;
/// Pairs or sequences of a forward pass while they are checked.
const CHECKED_AT_ONCE: usize = 16;

/// What is trained on, and what is looked at meanwhile.
#[derive(Debug, Clone)]
pub struct Material {
    /// Pairs to learn from.
    pub train: Vec<TokenPair>,
    /// Pairs of other questions, by which the best step is chosen.
    pub validation: Vec<TokenPair>,
    /// Neutral text to learn from, in sequences of at least two tokens.
    pub neutral_train: Vec<Vec<u32>>,
    /// Other neutral text, which the guard watches.
    pub neutral_validation: Vec<Vec<u32>>,
}

/// What an advance has brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// A step.
    Step(StepRecord),
    /// A check.
    Check(CheckRecord),
    /// The training has ended.
    Ended(Ending),
}

/// Pairs whose lower layers are passed: factual answers at even places, hallucinated ones at odd places.
struct Pairs {
    starts: Vec<usize>,
    prefix: Prefix,
    /// What follows the last token that is read.
    last: Vec<u32>,
}

impl Pairs {
    async fn of(decoder: &Decoder, layer: usize, pairs: &[TokenPair]) -> Result<Self, ModelError> {
        let sides = pairs
            .iter()
            .flat_map(|pair| [&pair.factual, &pair.hallucinated]);
        let sides: Vec<&Continued> = sides.collect();
        // The last token is only predicted, never read.
        let read = sides
            .iter()
            .map(|side| side.ids[..side.ids.len() - 1].to_vec());
        Ok(Self {
            starts: sides.iter().map(|side| side.start).collect(),
            last: sides
                .iter()
                .filter_map(|side| side.ids.last().copied())
                .collect(),
            prefix: Prefix::of(decoder, layer, read.collect()).await?,
        })
    }

    fn len(&self) -> usize {
        self.prefix.len() / 2
    }

    /// Places of the sides of chosen pairs, all factual ones first.
    fn sides(chosen: &[usize]) -> Vec<usize> {
        let factual = chosen.iter().map(|pair| 2 * pair);
        let hallucinated = chosen.iter().map(|pair| 2 * pair + 1);
        factual.chain(hallucinated).collect()
    }

    /// The answer tokens of the sides, each predicted by the one before it.
    fn targets(&self, sides: &[usize]) -> Vec<Target> {
        let rows = sides.iter().enumerate().flat_map(|(row, &side)| {
            let read = self.prefix.sequence(side);
            let start = self.starts[side];
            let tokens = read.iter().skip(start).chain([&self.last[side]]);
            tokens.enumerate().map(move |(place, &token)| Target {
                row,
                position: start - 1 + place,
                token,
            })
        });
        rows.collect()
    }
}

/// What one pass over pairs finds.
struct Passed {
    /// Summed log-likelihood of each answer `[2 · pairs]`, factual ones first.
    sums: Tensor<1>,
    /// Tokens of all factual answers.
    factual_tokens: usize,
    /// Residual stream at the output of the highest adapted layer.
    hidden: Tensor<3>,
}

/// A training of adapters on a frozen decoder.
pub struct Tuner {
    recipe: Recipe,
    frozen: Decoder,
    /// The same weights on the device with gradients, none of which they take.
    tracked: Decoder,
    pub(crate) adapters: Adapters,
    pub(crate) best: Adapters,
    pub(crate) optimizer: ModuleOptimizer,
    pub(crate) state: TuningState,
    train: Pairs,
    validation: Pairs,
    neutral_train: Prefix,
    neutral_validation: Prefix,
    /// log p(factual) − log p(hallucinated) of training pairs on the frozen model, where the objective asks for them.
    reference: Vec<f32>,
}

impl Tuner {
    /// Prepares to train adapters on `layers` of `decoder`, which lies on a device without gradients.
    ///
    /// # Errors
    /// When the recipe is out of range, there is nothing to train on, the decoder cannot read an example, or the device
    /// fails.
    pub async fn new(
        decoder: &Decoder,
        layers: &BTreeSet<usize>,
        material: &Material,
        recipe: Recipe,
    ) -> Result<Self, TuneError> {
        recipe.validate()?;
        for (missing, what, remedy) in [
            (layers.is_empty(), "layers", "choose at least one"),
            (material.train.is_empty(), "pairs", "give more questions"),
            (
                material.validation.is_empty(),
                "validation pairs",
                "give more questions",
            ),
            (
                material.neutral_train.is_empty(),
                "neutral sequences",
                "give a longer neutral text",
            ),
            (
                material.neutral_validation.is_empty(),
                "neutral validation sequences",
                "give a longer neutral text",
            ),
        ] {
            if missing {
                return Err(TuneError::Nothing { what, remedy });
            }
        }
        let device = decoder.device();
        let spec = decoder.spec();
        let adapters = Adapters::new(spec, layers, recipe.shape(), recipe.seed, &device)?;
        let lowest = layers.first().copied().unwrap_or(0);
        let neutral = |texts: &[Vec<u32>]| Prefix::of(decoder, lowest, texts.to_vec());
        let mut tuner = Self {
            train: Pairs::of(decoder, lowest, &material.train).await?,
            validation: Pairs::of(decoder, lowest, &material.validation).await?,
            neutral_train: neutral(&material.neutral_train).await?,
            neutral_validation: neutral(&material.neutral_validation).await?,
            frozen: decoder.clone(),
            tracked: decoder.clone().no_grad().train(),
            best: adapters.clone(),
            adapters: adapters.train(),
            optimizer: AdamWConfig::new()
                .with_weight_decay(recipe.weight_decay as f32)
                .with_grad_clipping(Some(burn::grad_clipping::GradientClippingConfig::Norm(
                    CLIP,
                )))
                .init(),
            state: TuningState::default(),
            reference: Vec::new(),
            recipe,
        };
        if matches!(tuner.recipe.objective, Objective::Dpo { .. }) {
            tuner.reference = tuner.contrasts(&tuner.frozen, &tuner.train).await?;
        }
        Ok(tuner)
    }

    /// What it has been through.
    pub fn state(&self) -> &TuningState {
        &self.state
    }

    /// What it depends on.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The adapters of the best check, on the device without gradients.
    pub fn best(&self) -> &Adapters {
        &self.best
    }

    /// The adapters as they stand, on the device without gradients.
    pub fn current(&self) -> Adapters {
        self.adapters.valid()
    }

    /// One check or step, whichever is due.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn advance(&mut self) -> Result<Event, TuneError> {
        breathe().await;
        if let Some(ending) = self.state.ending {
            return Ok(Event::Ended(ending));
        }
        let step = self.state.steps.len();
        let last = self.state.checks.last().map(|check| check.step);
        let is_over = step >= self.recipe.steps || self.adapters.adapter_count() == 0;
        let is_due = step.is_multiple_of(self.recipe.check_every) || is_over;
        if is_due && last != Some(step) {
            return self.check(step).await;
        }
        if is_over {
            return Ok(self.end(Ending::Finished));
        }
        self.step(step).await
    }

    fn end(&mut self, ending: Ending) -> Event {
        self.state.ending = Some(ending);
        Event::Ended(ending)
    }

    async fn check(&mut self, step: usize) -> Result<Event, TuneError> {
        let adapters = self.current();
        let decoder = self.frozen.with_adapters(&adapters);
        let contrasts = self.contrasts(&decoder, &self.validation).await?;
        let pairs = contrasts.len() as f64;
        let right = contrasts.iter().filter(|contrast| **contrast > 0.0).count();
        let check = CheckRecord {
            step,
            perplexity: self.perplexity(&decoder).await?,
            accuracy: right as f64 / pairs,
            margin: contrasts
                .iter()
                .map(|&contrast| f64::from(contrast))
                .sum::<f64>()
                / pairs,
        };
        let first = self.state.checks.first().unwrap_or(&check).perplexity;
        if !check.perplexity.is_finite() || !check.margin.is_finite() {
            return Ok(self.end(Ending::Diverged));
        }
        self.state.checks.push(check);
        if check.perplexity > first * (1.0 + self.recipe.tolerance) {
            self.state.ending = Some(Ending::Guard);
            return Ok(Event::Check(check));
        }
        let place = self.state.checks.len() - 1;
        let best = &self.state.checks[self.state.best];
        let is_better = (check.accuracy, check.margin) > (best.accuracy, best.margin);
        if place == 0 || is_better {
            self.state.best = place;
            self.best = adapters;
        } else if place - self.state.best >= self.recipe.patience {
            self.state.ending = Some(Ending::NoBetter);
        }
        Ok(Event::Check(check))
    }

    async fn step(&mut self, step: usize) -> Result<Event, TuneError> {
        let decoder = self.tracked.with_adapters(&self.adapters);
        let mut gathered = GradientsAccumulator::new();
        let mut values = Vec::with_capacity(self.recipe.accumulate);
        for pass in 0..self.recipe.accumulate {
            let number = step * self.recipe.accumulate + pass;
            let (loss, parts) = self.loss(&decoder, number)?;
            let gradients = (loss / self.recipe.accumulate as f64).backward();
            gathered.accumulate(
                &self.adapters,
                GradientsParams::from_grads(gradients, &self.adapters),
            );
            values.push(numbers(parts).await?);
        }
        let mean = |part: usize| {
            let sum: f64 = values.iter().map(|values| f64::from(values[part])).sum();
            sum / values.len() as f64
        };
        let rate = self.recipe.rate(step);
        let record = StepRecord {
            step,
            loss: mean(0),
            objective: mean(1),
            margin: mean(2),
            neutral: mean(3),
            rate,
        };
        if !record.loss.is_finite() {
            return Ok(self.end(Ending::Diverged));
        }
        let gradients = gathered.grads();
        self.adapters = self.optimizer.step(rate, self.adapters.clone(), gradients);
        self.state.steps.push(record);
        Ok(Event::Step(record))
    }

    /// What is minimised `[1]`, and with it the objective, the mean contrast and the neutral cross-entropy `[4]`.
    fn loss(&self, decoder: &Decoder, number: usize) -> Result<(Tensor<1>, Tensor<1>), TuneError> {
        let recipe = &self.recipe;
        let chosen = self.chosen(number, self.train.len(), recipe.pairs, 0);
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

    /// Examples of a pass: each epoch has an order of its own, so that what a pass reads follows from its number.
    fn chosen(&self, number: usize, of: usize, count: usize, stream: u64) -> Vec<usize> {
        let count = count.min(of);
        let per_epoch = of / count;
        let (epoch, place) = (number / per_epoch, number % per_epoch);
        let mut random = ChaCha8Rng::seed_from_u64(self.recipe.seed);
        random.set_stream(2 * epoch as u64 + stream);
        let mut order: Vec<usize> = (0..of).collect();
        order.shuffle(&mut random);
        order[place * count..(place + 1) * count].to_vec()
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
            stream = decoder.advance(stream, layer)?;
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
            for row in 0..rows {
                let counted: Vec<bool> =
                    (0..tokens).map(|token| within(sides[row], token)).collect();
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
        let chosen = self.chosen(number, prefix.len(), self.recipe.neutral, 1);
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
    async fn contrasts(&self, decoder: &Decoder, pairs: &Pairs) -> Result<Vec<f32>, ModelError> {
        let all: Vec<usize> = (0..pairs.len()).collect();
        let mut contrasts = Vec::with_capacity(all.len());
        for chosen in all.chunks(CHECKED_AT_ONCE) {
            let sums = self.pass(decoder, pairs, chosen)?.sums;
            contrasts.extend(numbers(contrast(sums)).await?);
            breathe().await;
        }
        Ok(contrasts)
    }

    async fn perplexity(&self, decoder: &Decoder) -> Result<f64, ModelError> {
        let all: Vec<usize> = (0..self.neutral_validation.len()).collect();
        let (mut sum, mut tokens) = (0.0, 0);
        for chosen in all.chunks(CHECKED_AT_ONCE) {
            let found = numbers(self.neutral(decoder, &self.neutral_validation, chosen)?).await?;
            sum += found.iter().map(|&value| f64::from(value)).sum::<f64>();
            tokens += found.len();
            breathe().await;
        }
        Ok((-sum / tokens.max(1) as f64).exp())
    }
}

async fn numbers(tensor: Tensor<1>) -> Result<Vec<f32>, ModelError> {
    let data = Transaction::default()
        .register(tensor)
        .execute_async()
        .await?;
    Ok(data.iter().flat_map(|data| data.iter::<f32>()).collect())
}
