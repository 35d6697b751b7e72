//! Divergences by Burn's operations.

use burn::tensor::{Tensor, activation::log_softmax};

/// See [`divergences`](super::divergences).
pub fn divergences(wanted: Tensor<2>, found: Tensor<2>) -> (Tensor<1>, Tensor<2>) {
    let (log_p, log_q) = (log_softmax(wanted, 1), log_softmax(found, 1));
    let p = log_p.clone().exp();
    let sums = (p.clone() * (log_p - log_q.clone())).sum_dim(1);
    (sums.squeeze_dim(1), log_q.exp() - p)
}
