//! A decoder with fewer blocks that shares the weights of the whole one.

use std::collections::BTreeSet;

use super::{cuts::stays, model::Decoder};
use crate::ModelError;

impl Decoder {
    /// The decoder without some of its blocks; those that stay are renumbered. No weight is copied:
    /// both decoders hold the same tensors.
    ///
    /// # Errors
    /// When there is no such block, or none would be left.
    pub fn without(&self, removed: &BTreeSet<usize>) -> Result<Self, ModelError> {
        Ok(self.with_blocks(&stays(self.blocks.len(), removed)?))
    }

    /// The decoder with these of its blocks alone.
    pub(super) fn with_blocks(&self, kept: &[usize]) -> Self {
        let mut spec = self.spec.clone();
        spec.blocks = kept.iter().map(|&layer| self.spec.blocks[layer]).collect();
        Self {
            embedding: self.embedding.clone(),
            positions: self.positions.clone(),
            blocks: kept
                .iter()
                .map(|&layer| self.blocks[layer].clone())
                .collect(),
            final_norm: self.final_norm.clone(),
            head: self.head.clone(),
            spec,
        }
    }
}
