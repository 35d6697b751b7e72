//! Operations that have a fast form of their own, a folder each:
//!
//! - `mod.rs`: the public function, with shapes and units, and the trait by which it finds its form;
//! - `reference.rs`: Burn's operations. They are the definition; they serve where gradients are recorded, since Burn
//!   differentiates them, and where there is no fast form: on a device, or for numbers other than float32;
//! - `cpu.rs`, `gpu.rs`: fast forms, where there are any. They equal the definition to rounding, NaN and infinities included.
//!   What takes Burn's operations several passes over memory, or several dispatches, they do in one.
//!
//! Every such trait goes through Burn's `backend_extension`, which looks at the tensors and picks the implementation of
//! their backend: callers never ask where they are. An implementation without a fast form wraps its tensors
//! ([`Wrapped`](wrapped::Wrapped)) and calls the definition.
//!
//! Statistics and pairs have no definition in Burn's operations: theirs is `layerlab_stats::reference`, in float64. Nobody
//! differentiates them, so they are not offered where gradients are recorded.
//!
//! [`check`](crate::check) walks all of them on a device, `tests/ops.rs` over many shapes.

pub mod attention;
mod cpu;
pub mod divergence;
pub mod gate;
mod gpu;
pub mod heads;
pub mod linear;
pub mod log_probabilities;
pub mod norm;
mod pairs;
pub mod statistics;
pub mod tanh;
pub(crate) mod trial;
mod wrapped;

use burn::tensor::Device;

use trial::Trial;

/// A small question to each operation that has a definition in Burn's.
pub(crate) const TRIALS: [fn(&Device) -> Trial; 10] = [
    norm::trial,
    heads::trial,
    gate::trial,
    attention::trial,
    linear::trial,
    linear::trial_of_blocks,
    linear::trial_of_halves,
    log_probabilities::trial,
    divergence::trial,
    tanh::trial,
];
