//! Distillation: a model without some layers learns to predict what the whole one predicts (Hinton et al., arXiv 1503.02531).

mod lesson;
mod recipe;
mod state;

use std::collections::BTreeSet;

use burn::{
    grad_clipping::GradientClippingConfig,
    module::Module,
    optim::{AdamWConfig, GradientsParams, ModuleOptimizer},
    tensor::Tensor,
};
use layerlab_model::{Adapters, Decoder, ModelError, NoObserver, yield_now};
use serde::{Deserialize, Serialize};

pub use recipe::DistilRecipe;
pub use state::{DistilCheck, DistilState, DistilStep};

use crate::{
    CLIP, Ending, TuneError,
    checkpoint::{Opened, check, write},
    numbers::numbers,
    order::chosen,
    turn::{Standing, Turn},
};
use lesson::{Chosen, Lesson};

/// What an advance has brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DistilEvent {
    /// A step.
    Step(DistilStep),
    /// A check.
    Check(DistilCheck),
    /// The distillation has ended.
    Ended(Ending),
}

/// A distillation, advanced step by step. Trained are adapters on layers of the pruned model; minimised is the mean over tokens of the
/// Kullback–Leibler divergence of its next-token distribution from the whole model's, over the full vocabulary.
pub struct Distiller {
    recipe: DistilRecipe,
    pruned: Decoder,
    /// The same weights on the device with gradients, none of which they take.
    tracked: Decoder,
    adapters: Adapters,
    best: Adapters,
    optimizer: ModuleOptimizer,
    state: DistilState,
    is_stopped: bool,
    learn: Lesson,
    choose: Lesson,
}

/// What a checkpoint must be of to be taken up.
#[derive(Serialize, Deserialize)]
struct Header {
    distil: DistilRecipe,
    layers: Vec<usize>,
    state: DistilState,
}

impl Distiller {
    /// Prepares to train adapters on `layers` of `pruned`, which is `whole` without some layers, perhaps healed. Below the lowest of `layers`
    /// both must be equal. Learned from is `learn`; `choose` says which step was the best.
    ///
    /// # Errors
    /// When the recipe is out of range, there is nothing to train on, the two models are of other sizes, they cannot read a sequence, or
    /// the device fails.
    pub async fn new(
        whole: &Decoder,
        pruned: &Decoder,
        layers: &BTreeSet<usize>,
        [learn, choose]: [&[Vec<u32>]; 2],
        recipe: DistilRecipe,
    ) -> Result<Self, TuneError> {
        recipe.validate()?;
        for (missing, what, remedy) in [
            (layers.is_empty(), "layers", "choose at least one"),
            (learn.is_empty(), "sequences", "give a longer text"),
            (
                choose.is_empty(),
                "sequences to choose by",
                "give a longer text",
            ),
        ] {
            if missing {
                return Err(TuneError::Nothing { what, remedy });
            }
        }
        let sizes = |decoder: &Decoder| [decoder.spec().vocab_size, decoder.spec().hidden_size];
        if sizes(whole) != sizes(pruned) {
            return Err(TuneError::OtherModel {
                whole: sizes(whole),
                pruned: sizes(pruned),
            });
        }
        let lowest = layers.first().copied().unwrap_or(0);
        let (spec, device) = (pruned.spec(), pruned.device());
        let adapters = Adapters::new(spec, layers, recipe.shape(), recipe.seed, &device)?;
        Ok(Self {
            learn: Lesson::of(whole, lowest, learn).await?,
            choose: Lesson::of(whole, lowest, choose).await?,
            pruned: pruned.clone(),
            tracked: pruned.clone().no_grad().train(),
            best: adapters.clone(),
            adapters: adapters.train(),
            optimizer: AdamWConfig::new()
                .with_weight_decay(0.0)
                .with_grad_clipping(Some(GradientClippingConfig::Norm(CLIP)))
                .init(),
            state: DistilState::default(),
            is_stopped: false,
            recipe,
        })
    }

    /// What it has been through.
    pub fn state(&self) -> &DistilState {
        &self.state
    }

    /// What it depends on.
    pub fn recipe(&self) -> &DistilRecipe {
        &self.recipe
    }

    /// The adapters of the best check, on the device without gradients.
    pub fn best(&self) -> &Adapters {
        &self.best
    }

    /// The pruned model with the adapters of the best check.
    pub fn healed(&self) -> Decoder {
        self.pruned.with_adapters(&self.best)
    }

    /// Asks for an early end: what it has learnt so far is checked once more, and no further step is taken.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// One check or step, whichever is due.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn advance(&mut self) -> Result<DistilEvent, TuneError> {
        yield_now().await;
        if let Some(ending) = self.state.ending {
            return Ok(DistilEvent::Ended(ending));
        }
        let step = self.state.steps.len();
        let standing = Standing {
            step,
            checked: self.state.checks.last().map(|check| check.step),
            check_every: self.recipe.check_every,
            is_over: step >= self.recipe.steps,
            is_stopped: self.is_stopped,
        };
        match standing.turn() {
            Turn::Check => self.check(step).await,
            Turn::Step => self.step(step).await,
            Turn::End(ending) => Ok(self.end(ending)),
        }
    }

    fn end(&mut self, ending: Ending) -> DistilEvent {
        self.state.ending = Some(ending);
        DistilEvent::Ended(ending)
    }

    async fn check(&mut self, step: usize) -> Result<DistilEvent, TuneError> {
        let adapters = self.adapters.valid();
        let decoder = self.pruned.with_adapters(&adapters);
        let (mut sum, mut tokens) = (0.0, 0);
        for index in 0..self.choose.len() {
            let chosen = self.choose.choose(&[index])?;
            tokens += chosen.wanted.dims()[0];
            let hidden = self.upper(&decoder, &chosen)?;
            let divergence = decoder.divergence(chosen.wanted, hidden).sum;
            sum += numbers(divergence)
                .await?
                .iter()
                .map(|&one| f64::from(one))
                .sum::<f64>();
            yield_now().await;
        }
        let check = DistilCheck {
            step,
            divergence: sum / tokens.max(1) as f64,
        };
        if !check.divergence.is_finite() {
            return Ok(self.end(Ending::Diverged));
        }
        self.state.checks.push(check);
        let place = self.state.checks.len() - 1;
        let best = self.state.checks[self.state.best].divergence;
        if place == 0 || check.divergence < best {
            self.state.best = place;
            self.best = adapters;
        } else if place - self.state.best >= self.recipe.patience {
            self.state.ending = Some(Ending::NoBetter);
        }
        Ok(DistilEvent::Check(check))
    }

    async fn step(&mut self, step: usize) -> Result<DistilEvent, TuneError> {
        let decoder = self.tracked.with_adapters(&self.adapters);
        let order = chosen(
            self.recipe.seed,
            step,
            self.learn.len(),
            self.recipe.sequences,
            0,
        );
        let mut chosen = self.learn.choose(&order)?;
        let tokens = chosen.wanted.dims()[0] as f64;
        chosen.hidden = chosen.hidden.autodiff();
        let hidden = self.upper(&decoder, &chosen)?;
        let found = decoder.divergence(chosen.wanted.autodiff(), hidden.clone());
        let Some(gradient) = found.gradient else {
            return Ok(self.end(Ending::Diverged));
        };
        // Its gradient by the hidden states is known: that of this product by the adapters is the divergence's.
        let gradients = (hidden * (gradient.autodiff() / tokens)).sum().backward();
        let gradients = GradientsParams::from_grads(gradients, &self.adapters);
        let sums = numbers(found.sum).await?;
        let rate = self.recipe.rate(step);
        let record = DistilStep {
            step,
            divergence: sums.iter().map(|&one| f64::from(one)).sum::<f64>() / tokens,
            rate,
        };
        if !record.divergence.is_finite() {
            return Ok(self.end(Ending::Diverged));
        }
        self.adapters = self.optimizer.step(rate, self.adapters.clone(), gradients);
        self.state.steps.push(record);
        Ok(DistilEvent::Step(record))
    }

    /// Hidden states after the final norm `[tokens, channels]`, of all tokens that are no padding.
    fn upper(&self, decoder: &Decoder, chosen: &Chosen) -> Result<Tensor<2>, ModelError> {
        let lowest = self.best.layers().first().copied().unwrap_or(0);
        let mut stream = decoder.resume(&chosen.batch, chosen.hidden.clone())?;
        for layer in lowest..decoder.spec().layers() {
            stream = decoder.advance(stream, layer, &mut NoObserver)?;
        }
        let hidden = decoder.finish(stream);
        let [batch, tokens, channels] = hidden.dims();
        let hidden = hidden.reshape([batch * tokens, channels]);
        Ok(hidden.select(0, chosen.rows.clone()))
    }

    /// Everything that the rest depends on, as one safetensors file.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, TuneError> {
        let header = Header {
            distil: self.recipe.clone(),
            layers: self.best.layers().iter().copied().collect(),
            state: self.state.clone(),
        };
        write(
            &header,
            [&self.adapters.valid(), &self.best],
            &self.optimizer,
        )
        .await
    }

    /// Goes on from what [`checkpoint`](Self::checkpoint) gave, in a distillation of the same models, layers, text and recipe.
    ///
    /// # Errors
    /// When the bytes are no checkpoint, or of another recipe or other layers.
    pub fn resume(&mut self, bytes: &[u8]) -> Result<(), TuneError> {
        let opened = Opened::<Header>::of(bytes)?;
        let Header {
            distil,
            layers,
            state,
        } = &opened.header;
        check(
            *distil == self.recipe,
            layers.iter().eq(self.best.layers()),
            [state.best, state.checks.len()],
            [state.steps.len(), self.recipe.steps],
        )?;
        let read = opened.adapters(self.pruned.spec(), &self.best, &self.pruned.device());
        let [current, best] = read?;
        self.optimizer = opened.optimizer(self.optimizer.clone())?;
        self.adapters = current.train();
        self.best = best;
        self.state = opened.header.state;
        Ok(())
    }
}
