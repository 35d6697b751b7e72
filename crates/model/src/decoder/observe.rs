//! Taps: places where a forward pass can be watched.

use burn::tensor::{Int, Tensor};
use layerlab_stats::Tap;

/// Watches a forward pass. The decoder asks before it computes anything that only an observer
/// needs, so a pass that nobody watches pays nothing.
pub trait Observer {
    /// Whether [`observe`](Observer::observe) is to be called for this layer and tap.
    fn wants(&self, layer: usize, tap: Tap) -> bool;

    /// Receives an activation `[batch, tokens, channels]` with its mask `[batch, tokens]`
    /// (1 = real token, 0 = padding). Within a layer the order is input, attention, neurons,
    /// MLP, output, update; layers come in order.
    fn observe(&mut self, layer: usize, tap: Tap, hidden: Tensor<3>, mask: &Tensor<2, Int>);
}

/// Watches nothing.
pub struct NoObserver;

impl Observer for NoObserver {
    fn wants(&self, _layer: usize, _tap: Tap) -> bool {
        false
    }

    fn observe(&mut self, _layer: usize, _tap: Tap, _hidden: Tensor<3>, _mask: &Tensor<2, Int>) {}
}
