//! A model's files as they lie: a folder, one GGUF file, memory or the Hub; `config.json` as a description of a decoder; tensors
//! by name and place; the tokenizer. Nothing here knows a device, so that all of it is built, tested and fuzzed without Burn.

pub mod chat;
pub mod config;
pub mod contained;
mod error;
pub mod families;
pub mod files;
mod frequencies;
pub mod gguf;
mod parameters;
pub mod spec;
pub mod tensors;
pub mod tokenizer;

pub use chat::{ChatError, ChatTemplate};
pub use config::Config;
pub use error::SpecError;
pub use families::known_families;
#[cfg(not(target_arch = "wasm32"))]
pub use files::Folder;
pub use files::{MemoryFiles, ModelFiles};
pub use gguf::GgufError;
pub use spec::DecoderSpec;
pub use tensors::{Checkpoint, Inventory};
pub use tokenizer::Tokenizer;
