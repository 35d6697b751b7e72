//! A training of pairs, kept and taken up again.

use burn::module::Module;
use layerlab_model::Decoder;
use serde::{Deserialize, Serialize};

use super::Tuner;
use crate::{
    Recipe, TuneError, TuningState,
    checkpoint::{Opened, check, write},
};

/// What a checkpoint must be of to be taken up.
#[derive(Serialize, Deserialize)]
struct Header {
    recipe: Recipe,
    layers: Vec<usize>,
    state: TuningState,
}

impl Tuner {
    /// Everything that the rest of the training depends on, as one safetensors file.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, TuneError> {
        let header = Header {
            recipe: self.recipe.clone(),
            layers: self.best.layers().iter().copied().collect(),
            state: self.state.clone(),
        };
        write(&header, [&self.current(), &self.best], &self.optimizer).await
    }

    /// Goes on from what [`checkpoint`](Self::checkpoint) gave, in a training of the same model, layers, examples and
    /// recipe; more steps may be asked for.
    ///
    /// # Errors
    /// When the bytes are no checkpoint, or of another recipe or other layers.
    pub fn resume(&mut self, decoder: &Decoder, bytes: &[u8]) -> Result<(), TuneError> {
        let opened = Opened::<Header>::of(bytes)?;
        let Header {
            recipe,
            layers,
            state,
        } = &opened.header;
        check(
            *recipe == self.recipe,
            layers.iter().eq(self.best.layers()),
            [state.best, state.checks.len()],
            [state.steps.len(), self.recipe.steps],
        )?;
        let read = opened.adapters(decoder.spec(), &self.best, &decoder.device());
        let [current, best] = read?;
        self.optimizer = opened.optimizer(self.optimizer.clone())?;
        self.adapters = current.train();
        self.best = best;
        self.state = opened.header.state;
        Ok(())
    }
}
