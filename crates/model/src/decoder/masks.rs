//! The attention masks of a forward pass.

use std::collections::BTreeMap;

use burn::tensor::Device;
use layerlab_kernels::ops::attention::Mask;

use super::positions::Positions;

/// The mask of every window that occurs, made once for all blocks.
pub(super) struct Masks(BTreeMap<Option<usize>, Mask>);

impl Masks {
    pub fn new(
        positions: &Positions,
        windows: impl Iterator<Item = Option<usize>>,
        device: &Device,
    ) -> Self {
        let mut masks = BTreeMap::new();
        for window in windows {
            masks.entry(window).or_insert_with(|| {
                let (shape, seen) = positions.seen(window);
                Mask::new(shape, seen, device)
            });
        }
        Self(masks)
    }

    /// Of one of the windows that the masks were made for.
    pub fn get(&self, window: Option<usize>) -> &Mask {
        &self.0[&window]
    }
}
