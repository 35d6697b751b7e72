//! What is learned from: where the two models part, and what the whole one makes of it.

use burn::tensor::{Int, Tensor, TensorData};
use layerlab_model::{Decoder, ModelError, NoObserver, PaddingSide, TokenBatch, yield_now};

use crate::prefix::Prefix;

/// Sequences with the hidden states that need be computed but once.
pub(super) struct Lesson {
    /// Before the lowest adapter. Up to there both models are one.
    prefix: Prefix,
    /// The whole model's, after its final norm, `[tokens, channels]` of each sequence.
    wanted: Vec<Tensor<2>>,
}

/// Some of the sequences, as a step reads them.
pub(super) struct Chosen {
    pub batch: TokenBatch,
    /// Before the lowest adapter `[batch, longest, channels]`.
    pub hidden: Tensor<3>,
    /// Which of `batch · longest` tokens are no padding.
    pub rows: Tensor<1, Int>,
    /// The whole model's hidden states of these `[tokens, channels]`.
    pub wanted: Tensor<2>,
}

impl Lesson {
    /// Passes every sequence through the whole model once.
    pub async fn of(
        whole: &Decoder,
        lowest: usize,
        sequences: &[Vec<u32>],
    ) -> Result<Self, ModelError> {
        let (mut before, mut wanted) = (Vec::new(), Vec::new());
        for sequence in sequences {
            let batch = TokenBatch::new(&[sequence], PaddingSide::Right)?;
            let mut stream = whole.begin(&batch)?;
            for layer in 0..whole.spec().layers() {
                if layer == lowest {
                    before.push(stream.hidden());
                }
                stream = whole.advance(stream, layer, &mut NoObserver)?;
            }
            wanted.push(whole.finish(stream).squeeze_dim(0));
            yield_now().await;
        }
        Ok(Self {
            prefix: Prefix::known(sequences.to_vec(), before),
            wanted,
        })
    }

    pub fn len(&self) -> usize {
        self.prefix.len()
    }

    pub fn choose(&self, chosen: &[usize]) -> Result<Chosen, ModelError> {
        let (batch, hidden) = self.prefix.batch(chosen)?;
        let [_, longest, _] = hidden.dims();
        let lengths = chosen
            .iter()
            .map(|&index| self.prefix.sequence(index).len());
        let rows = lengths.enumerate().flat_map(|(row, length)| {
            // Far below 2^31.
            (0..length).map(move |token| (row * longest + token) as i32)
        });
        let rows: Vec<i32> = rows.collect();
        let count = rows.len();
        let rows = Tensor::from_data(TensorData::new(rows, [count]), &hidden.device());
        let wanted = chosen.iter().map(|&index| self.wanted[index].clone());
        Ok(Chosen {
            batch,
            hidden,
            rows,
            wanted: Tensor::cat(wanted.collect(), 0),
        })
    }
}
