//! Names of tensors in Hugging Face checkpoints.

/// Where each part of a decoder lies in a checkpoint. Names of a block's tensors follow `block`
/// with `{}` replaced by the layer; all but `head` follow `prefix`, or stand without it, as in
/// checkpoints saved from the bare model.
pub(crate) struct TensorNames {
    pub prefix: &'static str,
    pub embedding: &'static str,
    pub positions: Option<&'static str>,
    pub final_norm: &'static str,
    pub head: &'static str,
    pub block: &'static str,
    pub attention_norm: &'static str,
    pub mlp_norm: &'static str,
    pub attention: AttentionNames,
    pub attention_output: &'static str,
    /// Norms of queries and keys within heads. Where each head has its own tensor, `{}` is the head.
    pub head_norms: Option<[&'static str; 2]>,
    pub mlp: MlpNames,
    pub layout: LinearLayout,
}

/// How query, key and value projections are stored.
pub(crate) enum AttentionNames {
    /// Three maps: query, key, value.
    Split([&'static str; 3]),
    /// One map whose outputs are all queries, then all keys, then all values.
    FusedThirds(&'static str),
    /// One map whose outputs are, head after head, its query, key and value.
    FusedPerHead(&'static str),
}

/// How the feed-forward maps are stored.
pub(crate) enum MlpNames {
    /// Gate, up and down.
    Gated([&'static str; 3]),
    /// Up and down.
    Plain([&'static str; 2]),
}

/// Order of a linear map's dimensions in the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinearLayout {
    /// `[outputs, inputs]`: PyTorch's `Linear`.
    OutputsFirst,
    /// `[inputs, outputs]`: GPT-2's `Conv1D`.
    InputsFirst,
}

impl TensorNames {
    /// The tables that Llama set and most later families kept.
    pub const LLAMA: TensorNames = TensorNames {
        prefix: "model.",
        embedding: "embed_tokens",
        positions: None,
        final_norm: "norm",
        head: "lm_head",
        block: "layers.{}.",
        attention_norm: "input_layernorm",
        mlp_norm: "post_attention_layernorm",
        attention: AttentionNames::Split([
            "self_attn.q_proj",
            "self_attn.k_proj",
            "self_attn.v_proj",
        ]),
        attention_output: "self_attn.o_proj",
        head_norms: None,
        mlp: MlpNames::Gated(["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]),
        layout: LinearLayout::OutputsFirst,
    };
}
