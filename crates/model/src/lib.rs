//! A decoder on a Burn device, from a model's files (`layerlab-checkpoint`) and back to them: forward pass with taps,
//! generation, export.

mod decoder;
mod error;
pub mod export;
mod generate;
mod parts;
mod yield_now;

pub use decoder::{
    AdapterShape, Adapters, CutPass, Cuts, Decoder, Divergence, KvCache, LoadProgress, LowRank,
    NoObserver, Observer, PaddingSide, StoredTensor, Stream, Target, TokenBatch, WeightFormat,
};
pub use error::ModelError;
pub use generate::{GenerateOptions, Sampling, generate, generate_batch};
#[cfg(not(target_arch = "wasm32"))]
pub use layerlab_checkpoint::Folder;
pub use layerlab_checkpoint::{
    Checkpoint, Config, DecoderSpec, MemoryFiles, ModelFiles, SpecError, Tokenizer, chat, config,
    contained, files, gguf, known_families, spec, tensors, tokenizer,
};
pub use parts::{Parting, each_part};
pub use yield_now::yield_now;

use layerlab_checkpoint::families;
