//! Pruning plans in mergekit's words, written and read.

mod read;
mod write;

pub use read::{Recipe, RecipeError, read_mergekit};
pub use write::mergekit_yaml;
