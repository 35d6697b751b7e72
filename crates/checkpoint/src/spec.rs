//! What a decoder is made of, as data: the one description that every family's `config.json` is
//! turned into and that the decoder is built from.

use serde::Serialize;

/// A decoder-only transformer, fully described.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecoderSpec {
    /// The `model_type` of the configuration, such as `llama`.
    pub family: &'static str,
    /// Channels of the residual stream.
    pub hidden_size: usize,
    /// Rows of the embedding matrix.
    pub vocab_size: usize,
    /// Tokens the model was trained to see at once.
    pub context: usize,
    /// The normalisation before each sublayer and after the last block.
    pub norm: NormSpec,
    /// How the model knows the order of tokens.
    pub position: PositionSpec,
    /// Heads and projections of the attention sublayer.
    pub attention: AttentionSpec,
    /// The feed-forward sublayer.
    pub mlp: MlpSpec,
    /// How a block adds its sublayers to the residual stream.
    pub residual: Residual,
    /// Whether the output projection is the embedding matrix.
    pub tied_embeddings: bool,
    /// What differs from block to block, first block first.
    pub blocks: Vec<BlockSpec>,
}

impl DecoderSpec {
    /// Number of blocks.
    pub fn layers(&self) -> usize {
        self.blocks.len()
    }
}

/// A normalisation over channels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NormSpec {
    /// Which one.
    pub kind: NormKind,
    /// Added to the mean square or variance before the root.
    pub epsilon: f64,
}

/// The normalisations that the known families use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NormKind {
    /// Root mean square, scale only.
    RmsNorm,
    /// Mean and variance, scale and shift.
    LayerNorm,
}

/// How positions enter.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PositionSpec {
    /// Queries and keys are rotated.
    Rotary(RotarySpec),
    /// A trained vector per position is added to the embedding.
    Learned {
        /// Number of trained positions: no longer text can be read.
        positions: usize,
    },
}

/// Rotary position embedding (RoPE), rotating halves as `transformers` does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RotarySpec {
    /// Channels of each head that are rotated; the rest pass unchanged.
    pub dimensions: usize,
    /// Base of the geometric series of frequencies.
    pub theta: f64,
    /// How frequencies are changed for longer contexts.
    pub scaling: RotaryScaling,
}

/// Changes of the rotary frequencies for contexts beyond the trained one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RotaryScaling {
    /// As trained.
    None,
    /// Positions divided by `factor`.
    Linear {
        /// The divisor.
        factor: f64,
    },
    /// The base grows with the text once it exceeds `original_context` ("NTK-aware").
    Dynamic {
        /// Growth of the base per growth of the text.
        factor: f64,
        /// Context up to which nothing changes.
        original_context: usize,
    },
    /// Llama 3.1: low frequencies divided by `factor`, high ones kept, a ramp between.
    Llama3 {
        /// The divisor of low frequencies.
        factor: f64,
        /// Wavelengths above `original_context / low_frequency` are divided.
        low_frequency: f64,
        /// Wavelengths below `original_context / high_frequency` are kept.
        high_frequency: f64,
        /// Context of the pre-training.
        original_context: usize,
    },
}

/// Heads and projections.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttentionSpec {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; fewer than `heads` is grouped-query attention.
    pub kv_heads: usize,
    /// Channels of a head.
    pub head_dim: usize,
    /// Whether the query, key and value projections have a bias.
    pub qkv_bias: bool,
    /// Whether the output projection has a bias.
    pub output_bias: bool,
    /// Normalisation of queries and keys within a head, before rotation.
    pub head_norm: Option<HeadNormSpec>,
}

/// Normalisation of queries and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadNormSpec {
    /// One root-mean-square scale for all heads (Qwen3).
    SharedRms,
    /// A LayerNorm without shift for each head (StableLM 2).
    LayerNormPerHead,
}

/// The feed-forward sublayer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MlpSpec {
    /// Inner channels ("neurons").
    pub inner_size: usize,
    /// `down(act(gate(x)) * up(x))` where true, `down(act(up(x)))` where false.
    pub gated: bool,
    /// Whether the projections have a bias.
    pub bias: bool,
    /// The non-linearity.
    pub activation: Activation,
}

/// Non-linearities of the known families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x * sigmoid(x)`.
    Silu,
    /// Exact GELU, by the error function.
    Gelu,
    /// GELU by its tanh approximation.
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
}

/// How a block adds its sublayers to the residual stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Residual {
    /// Attention first; the MLP reads what attention wrote.
    Sequential,
    /// Both read the block's input, each through its own norm (GPT-NeoX).
    Parallel,
    /// Both read the block's input through one norm (StableLM's parallel variant).
    ParallelSharedNorm,
}

/// What differs from block to block.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BlockSpec {
    /// A query sees this many tokens back, itself included; `None` sees all.
    pub window: Option<usize>,
    /// Factor on the product of query and key.
    pub attention_scale: f64,
}
