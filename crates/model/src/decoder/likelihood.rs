//! How likely a decoder finds given tokens.

use burn::tensor::{Device, Int, Tensor};
use layerlab_kernels::{
    Capability,
    ops::log_probabilities::{log_probabilities, log_sums},
};

use super::model::Decoder;
use crate::Parting;

/// Logits of this many numbers are held at once; a vocabulary may have 150,000 tokens.
const LOGITS_AT_ONCE: usize = 1 << 24;
/// The same on the processor, where a part of the vocabulary is taken at a time: few enough for a cache that is shared.
const TILE: usize = 1 << 20;
/// Tokens whose probabilities are asked for together there. The more, the more often a weight that was read is used.
const ROWS: usize = 1 << 10;
/// Tokens of a part of the vocabulary at least.
const COLUMNS: usize = 1 << 9;

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
        let (vocabulary, in_tiles) = (self.spec.vocab_size, in_tiles(&device));
        let at_once = match in_tiles {
            true => ROWS,
            false => (Parting::of(LOGITS_AT_ONCE, &device).size / vocabulary).max(1),
        };
        let parts = targets.chunks(at_once).map(|targets| {
            // Both far below 2^31.
            let rows = targets
                .iter()
                .map(|target| (target.row * tokens + target.position) as i32);
            let ids = targets.iter().map(|target| target.token.cast_signed());
            let ids: Vec<i32> = ids.collect();
            let rows = numbers(rows, &device);
            let hidden = hidden.clone().select(0, rows).unsqueeze_dim(0);
            match in_tiles && targets.len() * vocabulary > TILE {
                true => self.by_tiles(hidden, &ids),
                false => {
                    let logits = self.logits(hidden); // [1, targets, vocabulary]
                    log_probabilities(logits.squeeze_dim(0), &ids)
                }
            }
        });
        let parts: Vec<Tensor<1>> = parts.collect();
        (!parts.is_empty()).then(|| Tensor::cat(parts, 0))
    }

    /// Log-probabilities `[targets]` of `ids` after hidden states `[1, targets, channels]`, a part of the vocabulary after
    /// the other: of the logits no more is held than the numbers of one tile.
    fn by_tiles(&self, hidden: Tensor<3>, ids: &[i32]) -> Tensor<1> {
        let (device, vocabulary) = (hidden.device(), self.spec.vocab_size);
        let width = (TILE / ids.len().max(1)).max(COLUMNS);
        let (mut sums, mut logits_of_ids) = (Vec::new(), Vec::new());
        // Where in `logits_of_ids` each target's stands.
        let mut places = vec![0; ids.len()];
        let mut found = 0..;
        for first in (0..vocabulary).step_by(width) {
            let columns = first..vocabulary.min(first + width);
            let logits = self.logits_of(hidden.clone(), columns.clone());
            let logits = logits.squeeze_dim::<2>(0); // [targets, columns]
            let mut here = Vec::new();
            for (row, id) in ids.iter().enumerate() {
                if columns.contains(&(*id as usize)) {
                    here.push((row * columns.len() + *id as usize - first) as i32);
                    places[row] = found.next().unwrap_or(0);
                }
            }
            if !here.is_empty() {
                let flat = logits.clone().reshape([ids.len() * columns.len()]);
                logits_of_ids.push(flat.select(0, numbers(here.into_iter(), &device)));
            }
            sums.push(log_sums(logits));
        }
        let logits = Tensor::cat(logits_of_ids, 0).select(0, numbers(places.into_iter(), &device));
        logits - log_sums(Tensor::stack(sums, 1))
    }
}

/// Whether the vocabulary is parted. On a GPU more dispatches would cost more than they save, and where gradients are
/// recorded all logits are kept anyway.
fn in_tiles(device: &Device) -> bool {
    !Capability::of(device).has_own_memory && !device.is_autodiff()
}

fn numbers(values: impl Iterator<Item = i32>, device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(values.collect::<Vec<_>>().as_slice(), device)
}
