//! The experiments and the report that every face of LayerLab shares. It knows nothing of terminals
//! and browsers: progress goes out through a callback, cancellation comes in through a token.
//!
//! The way of the data: [`Device`](OpenDevice) → [`OpenModel`] → [`Text`] → [`measure`] →
//! [`score`](layerlab_score::score) → [`Report`].

mod device;
mod error;
mod measure;
mod model;
pub mod report;
mod run;
mod score;
mod speech;
mod text;

pub use device::{DeviceChoice, DeviceError, DeviceKind, OpenDevice, open_device};
pub use error::LabError;
pub use measure::{MeasureOptions, measure};
pub use model::OpenModel;
pub use report::Report;
pub use run::{Cancel, Progress, Run};
pub use score::{ScoreRequest, score_layers};
pub use speech::Speech;
pub use text::{Text, TextError, TextOptions};

// What faces need of the rooms below, so that they depend on this crate alone.
pub use layerlab_model::{
    Checkpoint, GenerateOptions, ModelError, Sampling, Tokenizer, checkpoint::CheckpointError,
    files, generate,
};
pub use layerlab_score::ScoreOptions;
pub use layerlab_stats::{Epsilon, Estimator, Tap};
