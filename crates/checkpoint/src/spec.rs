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
    /// The normalisation of the residual stream: around sublayers and after the last block.
    pub norm: NormSpec,
    /// Where in a block it stands.
    pub norm_placement: NormPlacement,
    /// What embeddings of tokens are multiplied by, before learned positions are added.
    pub embedding_multiplier: f64,
    /// How the model knows the order of tokens.
    pub position: PositionSpec,
    /// Heads and projections of the attention sublayer.
    pub attention: AttentionSpec,
    /// The feed-forward sublayer.
    pub mlp: MlpSpec,
    /// How a block adds its sublayers to the residual stream.
    pub residual: Residual,
    /// What each sublayer's output is multiplied by before it is added to the residual stream.
    pub residual_multiplier: f64,
    /// From the last hidden state to logits.
    pub logits: LogitsSpec,
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
    /// The same, but checkpoints store the scale less one (Gemma), norms of queries and keys included.
    RmsNormPlusOne,
    /// Mean and variance, scale and shift.
    LayerNorm,
}

/// Where the norms of a block stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NormPlacement {
    /// Before each sublayer: of what it reads.
    Before,
    /// After each sublayer: of what it gives, before that is added to the residual stream (OLMo 2).
    After,
    /// Both (Gemma 2 and 3).
    Around,
}

impl NormPlacement {
    /// Whether sublayers read the residual stream through a norm.
    pub fn is_before(self) -> bool {
        matches!(self, Self::Before | Self::Around)
    }

    /// Whether what sublayers give is normed.
    pub fn is_after(self) -> bool {
        matches!(self, Self::After | Self::Around)
    }
}

/// From the last hidden state, normed, to logits: `soft_cap · tanh(x / soft_cap)` of
/// `x = (output projection + bias) / divisor`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LogitsSpec {
    /// Whether the output projection has a bias.
    pub bias: bool,
    /// What its outputs are divided by.
    pub divisor: f64,
    /// The bound that logits approach; none where they have none.
    pub soft_cap: Option<f64>,
}

impl Default for LogitsSpec {
    /// The outputs of the projection as they are.
    fn default() -> Self {
        Self {
            bias: false,
            divisor: 1.0,
            soft_cap: None,
        }
    }
}

/// How positions enter.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PositionSpec {
    /// Queries and keys are rotated.
    Rotary {
        /// The rotations that occur; each block [names](BlockSpec::rotary) the one that it uses.
        rotations: Vec<RotarySpec>,
    },
    /// A trained vector per position is added to the embedding.
    Learned {
        /// Number of trained positions: no longer text can be read.
        positions: usize,
        /// Rows of the table before that of the first position (OPT).
        offset: usize,
    },
}

impl PositionSpec {
    /// One rotation for all blocks.
    pub fn rotary(rotation: RotarySpec) -> Self {
        Self::Rotary {
            rotations: vec![rotation],
        }
    }

    /// The rotations that occur.
    pub fn rotations(&self) -> &[RotarySpec] {
        match self {
            Self::Rotary { rotations } => rotations,
            Self::Learned { .. } => &[],
        }
    }

    /// Whether keys that were rotated for a text of `before` tokens would be rotated otherwise for one of `after`: what was
    /// cached of them must then be computed anew. With [dynamic](RotaryScaling::Dynamic) scaling they stay as they were, as
    /// in `transformers`.
    pub fn cached_keys_expire(&self, before: usize, after: usize) -> bool {
        self.rotations()
            .iter()
            .any(|rotation| match rotation.scaling {
                RotaryScaling::LongRope {
                    original_context, ..
                } => before <= original_context && after > original_context,
                _ => false,
            })
    }
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    /// LongRoPE (arXiv 2402.13753): each pair of channels has a divisor of its own, another one for texts beyond the context
    /// of the pre-training; what is rotated grows besides.
    LongRope {
        /// Divisors up to `original_context`, one for each pair.
        short_factors: Vec<f64>,
        /// Divisors beyond it.
        long_factors: Vec<f64>,
        /// What rotated queries and keys are multiplied by, at any length.
        attention_factor: f64,
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
    /// Normalisation of queries and keys, before rotation.
    pub head_norm: Option<HeadNormSpec>,
    /// The bound that scores, scaled, approach before the softmax: `soft_cap · tanh(score / soft_cap)`; none where they have
    /// none.
    pub soft_cap: Option<f64>,
}

/// Normalisation of queries and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadNormSpec {
    /// One root-mean-square scale for all heads (Qwen3).
    SharedRms,
    /// A LayerNorm without shift for each head (StableLM 2).
    LayerNormPerHead,
    /// Root mean square over the channels of all heads together, with a scale for each channel (OLMo 2).
    RmsOverHeads,
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
    /// Both read the block's input through one norm (Phi, StableLM's parallel variant).
    ParallelSharedNorm,
}

/// What differs from block to block.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BlockSpec {
    /// A query sees this many tokens back, itself included; `None` sees all.
    pub window: Option<usize>,
    /// Factor on the product of query and key.
    pub attention_scale: f64,
    /// Which of the model's [rotations](PositionSpec::Rotary) turns queries and keys; `None` leaves them as they are.
    pub rotary: Option<usize>,
}
