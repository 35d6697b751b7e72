//! Everything that can end an experiment.

use layerlab_eval::{DatasetError, EvalError};
use layerlab_heal::HealError;
use layerlab_kernels::KernelError;
use layerlab_model::{
    ModelError, SpecError, export::ExportError, gguf::GgufWriteError, tensors::CheckpointError,
    tokenizer::TokenizerError,
};
use layerlab_score::{PlanError, ScoreError};
use layerlab_stats::Tap;
use layerlab_tune::TuneError;
use thiserror::Error;

use crate::{DeviceError, TextError, peers::GarbledShare, run::StageError, shard::ShardError};

/// An experiment that did not come to its end.
#[derive(Debug, Error)]
pub enum LabError {
    /// There is no device to run on.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The model cannot be loaded or run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The tokenizer cannot be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The text cannot be used.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The device's kernels cannot read a tensor of the model.
    #[error(
        "the model needs {} MB in one piece ({name} as f32), and the device {device} offers {}; the CPU has no \
         such limit",
        megabytes(*needs),
        megabytes(*offers)
    )]
    TensorTooLarge {
        /// The tensor.
        name: String,
        /// Its bytes as f32.
        needs: u64,
        /// Bytes of the largest that would do.
        offers: u64,
        /// The device.
        device: String,
    },
    /// Statistics could not be fetched from the device.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Scores cannot be computed.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// A plan cannot be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A method that is not known.
    #[error("there is no method `{found}` to prune by; there are {known}")]
    Method {
        /// What was asked for.
        found: String,
        /// What would work.
        known: String,
    },
    /// A dataset that the largest cut is to be judged by and that is not among those asked.
    #[error("what is kept cannot be judged by `{found}`: the datasets are {known}")]
    NothingToKeep {
        /// What was asked for.
        found: String,
        /// What would work.
        known: String,
    },
    /// Nothing whose right answers could be measured.
    #[error("loss change cannot be measured on answers: none of the datasets has questions")]
    NoQuestions,
    /// Losses cannot be added to those of another text.
    #[error("the loss without each layer cannot be measured further: another text was scored")]
    OtherText,
    /// Too few pairs to tell anything by.
    #[error(
        "{dataset} gives {pairs} pairs of a factual and a hallucinated answer; at least 2 are needed"
    )]
    FewPairs {
        /// The dataset.
        dataset: String,
        /// Pairs.
        pairs: usize,
    },
    /// A pair that was not measured.
    #[error(
        "{dataset} has no pair {pair} at the tap {tap}: {pairs} pairs were measured, counted from 0"
    )]
    NoSuchPair {
        /// The dataset.
        dataset: String,
        /// What was asked for.
        pair: usize,
        /// Pairs that it has.
        pairs: usize,
        /// Where activations were to be read.
        tap: Tap,
    },
    /// Nothing is left once a question is left out.
    #[error("all pairs of {dataset} are of one question; a direction needs those of others")]
    OneQuestion {
        /// The dataset.
        dataset: String,
    },
    /// A model cannot be asked.
    #[error(transparent)]
    Eval(EvalError),
    /// A model cannot be written as a GGUF file.
    #[error(transparent)]
    Gguf(#[from] GgufWriteError),
    /// A pruned folder cannot be written.
    #[error(transparent)]
    Export(ExportError),
    /// A model cannot be healed.
    #[error(transparent)]
    Heal(HealError),
    /// A pruned model that is of another one.
    #[error(
        "the two models are of other families or sizes: the pruned one cannot be a part of the whole one"
    )]
    OtherModel,
    /// A layer of a pruned model that the whole one does not have in its place.
    #[error(
        "layer {layer} of the pruned model is none of the whole model's, in their order: it was changed, or it is of another model"
    )]
    UnknownLayer {
        /// The layer, as the pruned model counts.
        layer: usize,
    },
    /// A training cannot begin or go on.
    #[error(transparent)]
    Tune(TuneError),
    /// A finished stage cannot be kept.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A span that no two blocks of the model are apart.
    #[error("a span of {span} blocks cannot be compared: the model has {layers}")]
    Span {
        /// What was asked for.
        span: usize,
        /// Blocks of the model.
        layers: usize,
    },
    /// Workers did not understand each other.
    #[error(transparent)]
    Share(#[from] GarbledShare),
    /// Shards of an experiment that cannot be done or merged.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// Sequences per batch.
    #[error("a batch needs at least one sequence")]
    EmptyBatch,
    /// The user asked to stop.
    #[error("interrupted")]
    Cancelled,
}

impl From<SpecError> for LabError {
    fn from(error: SpecError) -> Self {
        Self::Model(error.into())
    }
}

impl From<CheckpointError> for LabError {
    fn from(error: CheckpointError) -> Self {
        Self::Model(error.into())
    }
}

impl From<EvalError> for LabError {
    fn from(error: EvalError) -> Self {
        match error {
            EvalError::Interrupted => Self::Cancelled,
            EvalError::Model(error) => Self::Model(error),
            error => Self::Eval(error),
        }
    }
}

impl From<HealError> for LabError {
    fn from(error: HealError) -> Self {
        match error {
            HealError::Interrupted => Self::Cancelled,
            HealError::Model(error) => Self::Model(error),
            error => Self::Heal(error),
        }
    }
}

impl From<TuneError> for LabError {
    fn from(error: TuneError) -> Self {
        match error {
            TuneError::Model(error) => Self::Model(error),
            error => Self::Tune(error),
        }
    }
}

impl From<DatasetError> for LabError {
    fn from(error: DatasetError) -> Self {
        Self::Eval(error.into())
    }
}

impl From<ExportError> for LabError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Interrupted => Self::Cancelled,
            ExportError::Model(error) => Self::Model(error),
            error => Self::Export(error),
        }
    }
}

/// Whole megabytes, rounded up.
fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}
