//! What cannot be healed.

use layerlab_model::ModelError;
use thiserror::Error;

/// A healing that did not come to its end.
#[derive(Debug, Error)]
pub enum HealError {
    /// The model cannot read the text, or the device fails.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// There is nothing before a gap.
    #[error(
        "the layers removed begin with the first: before them is only the embedding, and there is no layer to heal; keep layer 0"
    )]
    NothingBefore,
    /// Too little text to learn a map from.
    #[error(
        "{tokens} tokens to learn from are too few for a layer of {inputs} inner channels: a tenth as many are the least, as many are \
         better; give a longer text"
    )]
    FewTokens {
        /// Tokens that were read to learn from.
        tokens: usize,
        /// Inputs of the map.
        inputs: usize,
    },
    /// No sequence was left to choose by.
    #[error(
        "the text makes {sequences} sequence: at least two are needed, one to learn from and one to choose by; give a longer text or \
         shorter sequences"
    )]
    FewSequences {
        /// Sequences of the text.
        sequences: usize,
    },
    /// What a block gives is no number.
    #[error(
        "layer {layer} gives what is no number on this text, so that nothing can be fitted to it"
    )]
    NotFinite {
        /// The block, as the whole model counts.
        layer: usize,
    },
    /// A family whose blocks see how large the stream is.
    #[error(
        "the layers of {family} read the residual stream without a norm, so that its scale cannot be changed without changing what they \
         compute"
    )]
    NoNormBefore {
        /// The family.
        family: String,
    },
    /// The sums cannot be solved.
    #[error("the sums over this text have no solution")]
    Singular,
    /// The caller asked to stop.
    #[error("stopped")]
    Interrupted,
}
