//! A training, advanced step by step.

mod pairs;
mod pass;
mod resume;

use std::collections::BTreeSet;

use burn::{
    module::Module,
    optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer},
};
use layerlab_eval::TokenPair;
use layerlab_model::{Adapters, Decoder, yield_now};

use crate::{
    CLIP, CheckRecord, Ending, Objective, Recipe, StepRecord, TuneError, TuningState,
    numbers::numbers,
    prefix::Prefix,
    turn::{Standing, Turn},
};
use pairs::Pairs;

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
    is_stopped: bool,
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
            is_stopped: false,
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

    /// Asks for an early end: what it has learnt so far is checked once more, and no further step is taken.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// One check or step, whichever is due.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn advance(&mut self) -> Result<Event, TuneError> {
        yield_now().await;
        if let Some(ending) = self.state.ending {
            return Ok(Event::Ended(ending));
        }
        let step = self.state.steps.len();
        let standing = Standing {
            step,
            checked: self.state.checks.last().map(|check| check.step),
            check_every: self.recipe.check_every,
            is_over: step >= self.recipe.steps || self.adapters.adapter_count() == 0,
            is_stopped: self.is_stopped,
        };
        match standing.turn() {
            Turn::Check => self.check(step).await,
            Turn::Step => self.step(step).await,
            Turn::End(ending) => Ok(self.end(ending)),
        }
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
}
