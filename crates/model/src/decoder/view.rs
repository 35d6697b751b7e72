//! A decoder with fewer blocks that shares the weights of the whole one.

use std::collections::BTreeSet;

use super::model::Decoder;
use crate::ModelError;

impl Decoder {
    /// The decoder without some of its blocks; those that stay are renumbered. No weight is copied:
    /// both decoders hold the same tensors.
    ///
    /// # Errors
    /// When there is no such block, or none would be left.
    pub fn without(&self, removed: &BTreeSet<usize>) -> Result<Self, ModelError> {
        let layers = self.blocks.len();
        if let Some(&layer) = removed.iter().find(|layer| **layer >= layers) {
            return Err(ModelError::NoSuchLayer { layer, layers });
        }
        if removed.len() == layers {
            return Err(ModelError::NoLayerLeft { layers });
        }
        let stays = |layer: &usize| !removed.contains(layer);
        let kept: Vec<usize> = (0..layers).filter(stays).collect();
        let mut spec = self.spec.clone();
        spec.blocks = kept.iter().map(|&layer| self.spec.blocks[layer]).collect();
        Ok(Self {
            embedding: self.embedding.clone(),
            positions: self.positions.clone(),
            blocks: kept
                .iter()
                .map(|&layer| self.blocks[layer].clone())
                .collect(),
            final_norm: self.final_norm.clone(),
            head: self.head.clone(),
            spec,
        })
    }
}
