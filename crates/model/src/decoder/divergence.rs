//! How far one model's next-token distributions are from another's.

use burn::tensor::Tensor;
use layerlab_kernels::ops::divergence::divergences;

use super::model::Decoder;

/// Logits of this many numbers are held at once of each model; a vocabulary may have 262,144 tokens.
const LOGITS_AT_ONCE: usize = 1 << 23;

/// Divergences of tokens, and what moves them.
#[derive(Debug)]
pub struct Divergence {
    /// Summed over tokens, in nats `[1]`.
    pub sum: Tensor<1>,
    /// Its gradient by the hidden states found `[tokens, channels]`; none where gradients are not recorded.
    pub gradient: Option<Tensor<2>>,
}

impl Decoder {
    /// The Kullback–Leibler divergence Σ p (ln p − ln q) over the full vocabulary, where p follows from the hidden states `wanted`
    /// and q from those `found`, both `[tokens, channels]` after the final norm, by this decoder's head. The logits of a few tokens are
    /// held at a time: the gradient is taken to the hidden states and no further, so that no logits need be kept for it.
    /// It is asked for by the device: a decoder that records gradients gives them.
    pub fn divergence(&self, wanted: Tensor<2>, found: Tensor<2>) -> Divergence {
        let tokens = found.dims()[0];
        let rows = (LOGITS_AT_ONCE / self.spec.vocab_size).max(1);
        let records = self.device().is_autodiff();
        let (mut sums, mut gradients) = (Vec::new(), Vec::new());
        for first in (0..tokens).step_by(rows) {
            let count = rows.min(tokens - first);
            let part = |tensor: &Tensor<2>| {
                let part = tensor.clone().narrow(0, first, count);
                part.unsqueeze_dim::<3>(0)
            };
            let wanted = self.logits(part(&wanted)).inner(); // [1, count, vocabulary]
            let found = match records {
                true => part(&found).detach().require_grad(),
                false => part(&found),
            };
            let logits = self.logits(found.clone());
            let (sum, by_logits) =
                divergences(wanted.squeeze_dim(0), logits.clone().inner().squeeze_dim(0));
            sums.push(sum);
            if records {
                // Through caps and the head the device goes by itself.
                let by_logits = by_logits.unsqueeze_dim::<3>(0).autodiff();
                let moved = (logits * by_logits).sum().backward();
                if let Some(gradient) = found.grad(&moved) {
                    gradients.push(gradient.squeeze_dim::<2>(0));
                }
            }
        }
        Divergence {
            sum: Tensor::cat(sums, 0).sum(),
            gradient: records.then(|| Tensor::cat(gradients, 0)),
        }
    }
}
