//! Steps of AdamW on next-token prediction.

use std::{ops::ControlFlow, path::Path};

use burn::{
    module::{Module, ModuleMapper, Param, ParamId},
    optim::{AdamWConfig, GradientsParams, ModuleOptimizer, grad_clipping::GradientClippingConfig},
    tensor::{Bytes, Device, Tensor},
};
use layerlab_model::{
    Checkpoint, Decoder, Folder, MemoryFiles, ModelFiles, NoObserver, PaddingSide, Target,
    TokenBatch, Tokenizer, WeightFormat,
};

use super::{
    Batches, Precision, Recipe, State, TrainError, checkpoint, model_files,
    tokenizer::TokenizerFiles,
    weights::{files_of, first_weights},
};

/// A step that was done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Its number, from 0.
    pub step: usize,
    /// Mean cross-entropy before the step, in nats per token.
    pub loss: f64,
    /// The learning rate.
    pub rate: f64,
}

/// A model in training.
pub struct Trainer {
    recipe: Recipe,
    tokenizer: TokenizerFiles,
    decoder: Decoder,
    optimizer: ModuleOptimizer,
    state: State,
}

impl Trainer {
    /// Begins with the recipe's first weights, or goes on from the checkpoint in `folder`, if there is
    /// one.
    ///
    /// # Errors
    /// When the checkpoint is of another recipe or cannot be read.
    pub async fn open(
        recipe: Recipe,
        tokenizer: TokenizerFiles,
        folder: &Path,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let device = device.clone().autodiff();
        let mut optimizer = AdamWConfig::new()
            .with_beta_2(0.99)
            .with_weight_decay(recipe.weight_decay)
            .with_grad_clipping(Some(GradientClippingConfig::Norm(recipe.clip)))
            .init();
        let (decoder, state) = match checkpoint::read(folder, &recipe)? {
            Some((folder, state, bytes)) => {
                optimizer =
                    optimizer
                        .from_bytes(Bytes::from_bytes_vec(bytes))
                        .map_err(|error| TrainError::Resume {
                            path: folder.clone(),
                            problem: error.to_string(),
                        })?;
                (load(Folder::new(folder), &device).await?, state)
            }
            None => {
                let weights = first_weights(&recipe);
                let files = files_of(&weights, &recipe, &tokenizer, Precision::Full)?;
                let state = State {
                    recipe: recipe.clone(),
                    step: 0,
                    losses: Vec::new(),
                };
                (
                    load(MemoryFiles::new("the checkpoint", files), &device).await?,
                    state,
                )
            }
        };
        // The optimizer knows a tensor by its id, which must be the same in every run.
        let decoder = decoder.map(&mut Numbered::default());
        Ok(Self {
            recipe,
            tokenizer,
            decoder,
            optimizer,
            state,
        })
    }

    /// How far it has come.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The model's tokenizer.
    ///
    /// # Errors
    /// When it cannot be read back.
    pub fn tokenizer(&self) -> Result<Tokenizer, TrainError> {
        self.tokenizer.open()
    }

    /// Whether all steps are done.
    pub fn is_done(&self) -> bool {
        self.state.step >= self.recipe.steps
    }

    /// One step.
    ///
    /// # Errors
    /// When the device fails or the loss is not finite.
    pub async fn step(&mut self, batches: &mut Batches) -> Result<Step, TrainError> {
        let step = self.state.step;
        let sequences = batches.of_step(step);
        let loss = mean_loss(&self.decoder, &sequences)?;
        let gradients = loss.backward();
        let value = loss.into_data_async().await?;
        let value = f64::from(value.iter::<f32>().next().unwrap_or(f32::NAN));
        if !value.is_finite() {
            return Err(TrainError::NotFinite(step));
        }
        let gradients = GradientsParams::from_grads(gradients, &self.decoder);
        let rate = self.recipe.rate(step);
        self.decoder = self.optimizer.step(rate, self.decoder.clone(), gradients);
        self.state.step += 1;
        self.state.losses.push(value);
        Ok(Step {
            step,
            loss: value,
            rate,
        })
    }

    /// Keeps where it stands in `folder`.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn save(&self, folder: &Path) -> Result<(), TrainError> {
        let files = self.files(Precision::Full).await?;
        let resume = |error: String| TrainError::Resume {
            path: folder.to_owned(),
            problem: error,
        };
        let optimizer = self
            .optimizer
            .into_bytes()
            .map_err(|error| resume(error.to_string()))?;
        checkpoint::write(folder, &files, &optimizer, &self.state)
    }

    /// The model folder as it stands.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn files(&self, precision: Precision) -> Result<Vec<(String, Vec<u8>)>, TrainError> {
        model_files(&self.decoder, &self.recipe, &self.tokenizer, precision).await
    }

    /// The model as it stands, on a device without gradients.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn snapshot(&self, device: &Device) -> Result<Decoder, TrainError> {
        let files = self.files(Precision::Half).await?;
        load(MemoryFiles::new("the checkpoint", files), device).await
    }
}

/// Mean cross-entropy of next tokens, in nats.
fn mean_loss(decoder: &Decoder, sequences: &[Vec<u32>]) -> Result<Tensor<1>, TrainError> {
    let read: Vec<&[u32]> = sequences
        .iter()
        .map(|sequence| &sequence[..sequence.len() - 1])
        .collect();
    let batch = TokenBatch::new(&read, PaddingSide::Right)?;
    let hidden = decoder.hidden_states(&batch, None, &mut NoObserver)?;
    let found = decoder.log_likelihoods(hidden, &Target::next_tokens(sequences));
    let found = found.ok_or(layerlab_model::ModelError::EmptySequence)?;
    Ok(found.mean().neg())
}

async fn load<F: ModelFiles>(files: F, device: &Device) -> Result<Decoder, TrainError> {
    let checkpoint = Checkpoint::open(files).await?;
    let mut progress = |_| ControlFlow::Continue(());
    Ok(Decoder::load(&checkpoint, device, WeightFormat::F32, &mut progress).await?)
}

/// Numbers parameters in the order in which a module is walked.
#[derive(Default)]
struct Numbered(u64);

impl ModuleMapper for Numbered {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.0 += 1;
        Param::initialized(ParamId::from(self.0), param.val())
    }
}
