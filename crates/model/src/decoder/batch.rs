//! Token sequences padded to one length.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::ModelError;

/// On which side shorter sequences are filled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaddingSide {
    /// Real tokens first: what scoring uses.
    Right,
    /// Real tokens last: what batched generation uses.
    Left,
}

/// Sequences of token ids, padded to the longest. Padding takes no part in anything: it is masked
/// in attention and left out of statistics, so its id does not matter and none is asked for.
#[derive(Debug, Clone)]
pub struct TokenBatch {
    ids: Vec<u32>,
    real: Vec<bool>,
    batch: usize,
    tokens: usize,
}

impl TokenBatch {
    /// Pads `sequences` on `side`.
    ///
    /// # Errors
    /// When there is no sequence, or one is empty.
    pub fn new<S: AsRef<[u32]>>(sequences: &[S], side: PaddingSide) -> Result<Self, ModelError> {
        let lengths = sequences.iter().map(|sequence| sequence.as_ref().len());
        let tokens = lengths.clone().max().unwrap_or(0);
        if lengths.min().unwrap_or(0) == 0 {
            return Err(ModelError::EmptySequence);
        }
        let batch = sequences.len();
        let mut ids = vec![0; batch * tokens];
        let mut real = vec![false; batch * tokens];
        for (row, sequence) in sequences.iter().enumerate() {
            let sequence = sequence.as_ref();
            let start = row * tokens
                + match side {
                    PaddingSide::Right => 0,
                    PaddingSide::Left => tokens - sequence.len(),
                };
            ids[start..start + sequence.len()].copy_from_slice(sequence);
            real[start..start + sequence.len()].fill(true);
        }
        Ok(Self {
            ids,
            real,
            batch,
            tokens,
        })
    }

    /// `[batch, tokens]`, padding included.
    pub fn shape(&self) -> [usize; 2] {
        [self.batch, self.tokens]
    }

    /// Number of real tokens in all sequences.
    pub fn real_tokens(&self) -> usize {
        self.real.iter().filter(|real| **real).count()
    }

    /// The mask `[batch, tokens]` on a device: 1 = real token, 0 = padding.
    pub fn mask(&self, device: &Device) -> Tensor<2, Int> {
        let mask: Vec<i32> = self.real.iter().map(|real| i32::from(*real)).collect();
        Tensor::from_data(TensorData::new(mask, self.shape()), device)
    }

    /// Which tokens are real, row after row.
    pub(super) fn real(&self) -> &[bool] {
        &self.real
    }

    /// The ids, row after row.
    pub(super) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// # Errors
    /// When an id is not below `vocab_size`.
    pub(super) fn check_vocabulary(&self, vocab_size: usize) -> Result<(), ModelError> {
        match self.ids.iter().find(|id| **id as usize >= vocab_size) {
            Some(&id) => Err(ModelError::TokenOutsideVocabulary { id, vocab_size }),
            None => Ok(()),
        }
    }
}
