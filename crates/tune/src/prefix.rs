//! Hidden states below the lowest adapter, computed once for each example.

use burn::tensor::Tensor;
use layerlab_model::{Decoder, ModelError, NoObserver, PaddingSide, TokenBatch, yield_now};

/// Tokens of a forward pass while they are computed.
const TOKENS_AT_ONCE: usize = 2048;

/// Sequences with their hidden states before a block, on the device.
pub(crate) struct Prefix {
    sequences: Vec<Vec<u32>>,
    /// `[1, tokens, channels]` each.
    hidden: Vec<Tensor<3>>,
}

impl Prefix {
    /// Passes `sequences` through the blocks before `layer`, without gradients.
    pub async fn of(
        decoder: &Decoder,
        layer: usize,
        sequences: Vec<Vec<u32>>,
    ) -> Result<Self, ModelError> {
        let mut order: Vec<usize> = (0..sequences.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(sequences[index].len()));
        let mut hidden: Vec<Option<Tensor<3>>> = vec![None; sequences.len()];
        let mut done = 0;
        while let Some(&longest) = order.get(done) {
            let rows = (TOKENS_AT_ONCE / sequences[longest].len().max(1)).max(1);
            let part = &order[done..(done + rows).min(order.len())];
            let read: Vec<&[u32]> = part.iter().map(|&index| &sequences[index][..]).collect();
            let batch = TokenBatch::new(&read, PaddingSide::Right)?;
            let mut stream = decoder.begin(&batch)?;
            for layer in 0..layer {
                stream = decoder.advance(stream, layer, &mut NoObserver)?;
            }
            let found = stream.hidden();
            for (row, &index) in part.iter().enumerate() {
                let tokens = sequences[index].len();
                hidden[index] = Some(found.clone().narrow(0, row, 1).narrow(1, 0, tokens));
            }
            done += part.len();
            yield_now().await;
        }
        Ok(Self {
            sequences,
            hidden: hidden.into_iter().flatten().collect(),
        })
    }

    /// Of hidden states that are known already, `[1, tokens, channels]` of each sequence.
    pub fn known(sequences: Vec<Vec<u32>>, hidden: Vec<Tensor<3>>) -> Self {
        Self { sequences, hidden }
    }

    pub fn len(&self) -> usize {
        self.sequences.len()
    }

    pub fn sequence(&self, index: usize) -> &[u32] {
        &self.sequences[index]
    }

    /// The chosen sequences padded to one length, with their hidden states `[batch, tokens, channels]`.
    pub fn batch(&self, chosen: &[usize]) -> Result<(TokenBatch, Tensor<3>), ModelError> {
        let read: Vec<&[u32]> = chosen.iter().map(|&index| self.sequence(index)).collect();
        let batch = TokenBatch::new(&read, PaddingSide::Right)?;
        let [_, longest] = batch.shape();
        let rows = chosen.iter().map(|&index| {
            let hidden = self.hidden[index].clone();
            let [_, tokens, channels] = hidden.dims();
            match longest - tokens {
                0 => hidden,
                rest => {
                    let padding = Tensor::zeros([1, rest, channels], &hidden.device());
                    Tensor::cat(vec![hidden, padding], 1)
                }
            }
        });
        Ok((batch, Tensor::cat(rows.collect(), 0)))
    }
}
