//! Linear maps by Burn's operations.

use burn::tensor::{Tensor, module};

use super::StoredWeight;

/// See [`linear`](super::linear).
pub fn linear(input: Tensor<3>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<3> {
    let weight = match weight.dtype() == input.dtype() {
        true => weight,
        false => weight.cast(input.dtype()),
    };
    module::linear(input, weight, bias)
}

/// See [`linear_of_stored`](super::linear_of_stored); `backwards` it goes from outputs to inputs.
pub(super) fn by_stored(input: Tensor<3>, weight: &StoredWeight, backwards: bool) -> Tensor<3> {
    let values = weight.values(&input.device());
    linear(
        input,
        if backwards {
            values
        } else {
            values.transpose()
        },
        None,
    )
}
