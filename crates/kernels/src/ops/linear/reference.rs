//! Linear maps by Burn's operations.

use burn::tensor::{Tensor, module};

/// See [`linear`](super::linear).
pub fn linear(input: Tensor<3>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<3> {
    let weight = match weight.dtype() == input.dtype() {
        true => weight,
        false => weight.cast(input.dtype()),
    };
    module::linear(input, weight, bias)
}
