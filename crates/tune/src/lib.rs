//! Low-rank adapters (LoRA, arXiv 2106.09685) and contrastive objectives on chosen layers.

mod checkpoint;
mod error;
mod objective;
mod prefix;
mod recipe;
mod state;
mod tuner;

pub use error::TuneError;
pub use objective::{Objective, contrast, information_noise, margin, preference};
pub use recipe::Recipe;
pub use state::{CheckRecord, Ending, StepRecord, TuningState};
pub use tuner::{Event, Material, Tuner};
