//! Low-rank adapters (LoRA, arXiv 2106.09685) and contrastive objectives on chosen layers.

mod checkpoint;
mod distil;
mod error;
mod numbers;
mod objective;
mod order;
mod prefix;
mod recipe;
mod state;
mod tuner;
mod turn;

pub use distil::{DistilCheck, DistilEvent, DistilRecipe, DistilState, DistilStep, Distiller};
pub use error::TuneError;
pub use objective::{Objective, contrast, information_noise, margin, preference};
pub use recipe::Recipe;
pub use state::{CheckRecord, Ending, StepRecord, TuningState};
pub use tuner::{Event, Material, Tuner};

/// Norm at which each tensor's gradient is cut.
const CLIP: f32 = 1.0;
