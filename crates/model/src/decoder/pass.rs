//! What all blocks share during a forward pass.

use burn::tensor::{Int, Tensor};
use layerlab_kernels::ops::heads::Rotation;
use layerlab_stats::Tap;

use super::{cache::KvCache, masks::Masks, observe::Observer};

/// What a batch means to every block.
pub(super) struct Frame {
    /// `[batch, tokens]`, 1 = real token.
    pub mask: Tensor<2, Int>,
    /// Which keys each query may see, by window.
    pub masks: Masks,
    /// The rotations of queries and keys that occur, in the order of the spec.
    pub rotations: Vec<Rotation>,
}

/// What all blocks share during one forward pass.
pub(super) struct Pass<'a> {
    /// The batch.
    pub frame: &'a Frame,
    /// Keys and values of earlier tokens.
    pub cache: Option<&'a mut KvCache>,
    /// Who watches.
    pub observer: &'a mut dyn Observer,
}

impl Pass<'_> {
    /// Hands an activation to the observer, computing it only if it is wanted.
    pub fn tap(&mut self, layer: usize, tap: Tap, hidden: impl FnOnce() -> Tensor<3>) {
        if self.observer.wants(layer, tap) {
            self.observer
                .observe(layer, tap, hidden(), &self.frame.mask);
        }
    }
}
