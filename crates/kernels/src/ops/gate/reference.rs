//! The gate by Burn's operations.

use burn::tensor::{Tensor, activation::silu};

/// See [`silu_gate`](super::silu_gate).
pub fn silu_gate(gate: Tensor<3>, up: Tensor<3>) -> Tensor<3> {
    silu(gate) * up
}
