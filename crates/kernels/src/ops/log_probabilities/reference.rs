//! Log-probabilities by Burn's operations.

use burn::tensor::{Int, Tensor, activation::log_softmax};

/// See [`log_probabilities`](super::log_probabilities).
pub fn log_probabilities(logits: Tensor<2>, ids: &[i32]) -> Tensor<1> {
    let ids = Tensor::<1, Int>::from_data(ids, &logits.device());
    log_softmax(logits, 1)
        .gather(1, ids.unsqueeze_dim(1))
        .squeeze_dim(1)
}

/// See [`log_sums`](super::log_sums).
pub fn log_sums(logits: Tensor<2>) -> Tensor<1> {
    let greatest = logits.clone().max_dim(1);
    // From itself, infinity cannot be subtracted.
    let shift = greatest.clamp_min(f32::MIN);
    let sums = (logits - shift.clone()).exp().sum_dim(1);
    (sums.log() + shift).squeeze_dim(1)
}
