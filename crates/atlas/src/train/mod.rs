//! From texts to a model: tokenizer, weights, steps, and where they are kept.

mod batches;
mod card;
mod checkpoint;
mod curve;
mod error;
mod judge;
mod ngram;
mod recipe;
mod tokenizer;
mod trainer;
mod weights;

pub use batches::Batches;
pub use card::{Baselines, model_card};
pub use checkpoint::State;
pub use curve::{loss_csv, loss_svg};
pub use error::TrainError;
pub use judge::{Figure, judge};
pub use ngram::NGram;
pub use recipe::Recipe;
pub use tokenizer::{BOS, EOS, train_tokenizer};
pub use trainer::{Step, Trainer};
pub use weights::{Precision, model_files};
