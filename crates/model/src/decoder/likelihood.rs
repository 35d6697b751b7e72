//! How likely a decoder finds given tokens.

use burn::tensor::{Int, Tensor};
use layerlab_kernels::ops::log_probabilities::log_probabilities;

use super::model::Decoder;
use crate::Parting;

/// Logits of this many numbers are held at once; a vocabulary may have 150,000 tokens.
const LOGITS_AT_ONCE: usize = 1 << 24;

/// A token whose probability is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Sequence in the batch.
    pub row: usize,
    /// Where the hidden state stands that predicts it: one before the token itself. Counted from the
    /// left, padding included.
    pub position: usize,
    /// Its id, below the size of the vocabulary.
    pub token: u32,
}

impl Target {
    /// Every token but the first of each sequence, as they stand in a batch padded on the right.
    pub fn next_tokens<S: AsRef<[u32]>>(sequences: &[S]) -> Vec<Self> {
        let rows = sequences.iter().enumerate();
        rows.flat_map(|(row, sequence)| {
            let predicted = sequence.as_ref().iter().skip(1).enumerate();
            predicted.map(move |(position, &token)| Self {
                row,
                position,
                token,
            })
        })
        .collect()
    }
}

impl Decoder {
    /// Natural log-probability of each target given what comes before it, `[targets]`. Takes hidden
    /// states `[batch, tokens, channels]` after the final norm; logits are computed for the
    /// positions asked for and no others.
    ///
    /// None where no target is given.
    pub fn log_likelihoods(&self, hidden: Tensor<3>, targets: &[Target]) -> Option<Tensor<1>> {
        let [batch, tokens, channels] = hidden.dims();
        let device = hidden.device();
        let hidden = hidden.reshape([batch * tokens, channels]);
        let numbers = Parting::of(LOGITS_AT_ONCE, &device).size;
        let at_once = (numbers / self.spec.vocab_size).max(1);
        let parts = targets.chunks(at_once).map(|targets| {
            // Both far below 2^31.
            let rows = targets
                .iter()
                .map(|target| (target.row * tokens + target.position) as i32);
            let ids = targets.iter().map(|target| target.token.cast_signed());
            let rows: Vec<i32> = rows.collect();
            let ids: Vec<i32> = ids.collect();
            let rows = Tensor::<1, Int>::from_data(rows.as_slice(), &device);
            let hidden = hidden.clone().select(0, rows).unsqueeze_dim(0);
            let logits = self.logits(hidden); // [1, targets, vocabulary]
            log_probabilities(logits.squeeze_dim(0), &ids)
        });
        let parts: Vec<Tensor<1>> = parts.collect();
        (!parts.is_empty()).then(|| Tensor::cat(parts, 0))
    }
}
