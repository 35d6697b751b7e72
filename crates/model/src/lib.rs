//! A Hugging Face folder in, a decoder on a Burn device out: configuration, weights, tokenizer,
//! forward pass with taps, generation.

mod breathe;
pub mod checkpoint;
pub mod config;
mod decoder;
mod error;
pub mod export;
mod families;
pub mod files;
mod generate;
mod parameters;
mod parts;
pub mod spec;
pub mod tokenizer;

pub use breathe::breathe;
pub use checkpoint::Checkpoint;
pub use config::Config;
pub use decoder::{
    AdapterShape, Adapters, Decoder, KvCache, LoadProgress, LowRank, NoObserver, Observer,
    PaddingSide, StoredTensor, Stream, Target, TokenBatch,
};
pub use error::ModelError;
pub use families::known_families;
#[cfg(not(target_arch = "wasm32"))]
pub use files::Folder;
pub use files::{MemoryFiles, ModelFiles};
pub use generate::{GenerateOptions, Sampling, generate, generate_batch};
pub use parts::{Parting, each_part};
pub use spec::DecoderSpec;
pub use tokenizer::Tokenizer;
