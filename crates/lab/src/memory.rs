//! What a model will take, told by its headers: known before it is downloaded or loaded.
//!
//! Weights are counted exactly. The rest is reckoned from the model's description, with factors that were measured on
//! SmolLM2, Gemma 3 and Qwen 2.5 (49,152 to 262,144 tokens, 576 to 896 channels); `tests/memory.rs` holds the sum against
//! peaks of processes.

use layerlab_eval::EvalOptions;
use layerlab_model::{
    Checkpoint, DecoderSpec, ModelFiles,
    tensors::{HeldSize, WeightSizes},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::LabError;

/// Bytes of a number as float32.
const SINGLE: u64 = 4;
/// Bytes of the command itself, measured where it reads a model of 70,000 weights. The page asks its module instead.
pub const PROGRAM: u64 = 20_000_000;
/// Bytes that a tokenizer takes for each token of its vocabulary, merges included: from 470 to 645 were measured.
const TOKEN: u64 = 650;
/// The same at most while it is built, before any weight is loaded: from 1,100 to 1,900 were measured.
const TOKEN_AT_FIRST: u64 = 1_900;
/// Numbers of the logits that are held at once, and of what is made of them.
const LOGITS: u64 = 4 << 20;

/// What a model will take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelNeeds {
    /// `model_type` of its configuration.
    pub family: String,
    /// Blocks.
    pub layers: usize,
    /// Weights; shared ones count once.
    pub parameters: u64,
    /// Data types of the weights as stored.
    pub dtypes: Vec<String>,
    /// Bytes of all files that are read of it: what a download brings.
    pub files: u64,
    /// On a processor: matrices as stored, where they are halves or blocks.
    pub stored: MemoryNeed,
    /// On a GPU: matrices of two bytes a value so, all else as float32.
    pub gpu: MemoryNeed,
    /// All as float32, where that is asked for.
    pub f32: MemoryNeed,
    /// A tensor that is not counted, as headers do not tell whether it is used: a head beside tied embeddings, which is held
    /// too where it differs from them.
    pub perhaps: Option<String>,
}

/// Memory by its parts, in bytes. Only weights are exact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryNeed {
    /// At the peak, without the program: weights, tokenizer and activations together, or the tokenizer while it is built.
    pub peak: u64,
    /// Weights.
    pub weights: u64,
    /// The largest tensor, which a GPU must take in one piece.
    pub largest_bytes: u64,
    /// Its name.
    pub largest_tensor: String,
    /// The tokenizer.
    pub tokenizer: u64,
    /// The tokenizer while it is built, before weights are loaded.
    pub tokenizer_at_first: u64,
    /// What a pass of a batch of usual size holds at once.
    pub activations: u64,
}

impl MemoryNeed {
    fn of(held: HeldSize, spec: &DecoderSpec) -> Self {
        let tokens = spec.vocab_size as u64;
        let tokenizer = tokens.saturating_mul(TOKEN);
        let tokenizer_at_first = tokens.saturating_mul(TOKEN_AT_FIRST);
        let activations = activations(spec);
        let later = held
            .bytes
            .saturating_add(tokenizer)
            .saturating_add(activations);
        Self {
            peak: later.max(tokenizer_at_first),
            weights: held.bytes,
            largest_bytes: held.largest_bytes,
            largest_tensor: held.largest_name,
            tokenizer,
            tokenizer_at_first,
            activations,
        }
    }
}

impl ModelNeeds {
    /// What the model will take. Headers are read, and no weight.
    ///
    /// # Errors
    /// When the configuration describes no decoder that can be run, a tensor is missing or cannot be read, or a file's size
    /// cannot be told.
    pub async fn of<F: ModelFiles>(checkpoint: &Checkpoint<F>) -> Result<Self, LabError> {
        let spec = DecoderSpec::from_config(checkpoint.config())?;
        let WeightSizes {
            files,
            stored,
            gpu,
            f32,
            head_beside,
        } = checkpoint.sizes().await?;
        Ok(Self {
            family: spec.family.into(),
            layers: spec.layers(),
            parameters: f32.bytes / SINGLE,
            dtypes: checkpoint.dtypes(),
            files,
            stored: MemoryNeed::of(stored, &spec),
            gpu: MemoryNeed::of(gpu, &spec),
            f32: MemoryNeed::of(f32, &spec),
            perhaps: head_beside,
        })
    }
}

/// Bytes that a pass holds at once, over as many tokens as a batch has: numbers in the residual stream, between the maps of
/// attention and of the MLP, and some logits.
fn activations(spec: &DecoderSpec) -> u64 {
    let tokens = EvalOptions::default().batch_tokens as u64;
    let (hidden, inner) = (spec.hidden_size as u64, spec.mlp.inner_size as u64);
    let heads = spec
        .attention
        .heads
        .saturating_add(2 * spec.attention.kv_heads);
    let attention = heads.saturating_mul(spec.attention.head_dim) as u64;
    // Streams before and after, normed and added; gate, up and what becomes of them; maps and turned maps.
    let each = 6 * hidden + 4 * inner + 2 * attention;
    let logits = LOGITS.min(tokens.saturating_mul(spec.vocab_size as u64));
    SINGLE.saturating_mul(tokens.saturating_mul(each).saturating_add(logits))
}
