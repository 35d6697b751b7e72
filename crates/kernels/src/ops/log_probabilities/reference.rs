//! Log-probabilities by Burn's operations.

use burn::tensor::{Int, Tensor, activation::log_softmax};

/// See [`log_probabilities`](super::log_probabilities).
pub fn log_probabilities(logits: Tensor<2>, ids: &[i32]) -> Tensor<1> {
    let ids = Tensor::<1, Int>::from_data(ids, &logits.device());
    log_softmax(logits, 1)
        .gather(1, ids.unsqueeze_dim(1))
        .squeeze_dim(1)
}
