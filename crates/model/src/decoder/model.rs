//! The decoder as a whole: from token ids to hidden states to logits.

use std::ops::Range;

use burn::{
    module::Module,
    nn::{Embedding, Linear},
    tensor::{DType, Device, Int, Tensor},
};
use layerlab_kernels::ops::{heads::Rotation, linear::linear, tanh::soft_capped};

use super::{
    batch::TokenBatch,
    block::Block,
    cache::KvCache,
    masks::Masks,
    norm::Norm,
    observe::Observer,
    pass::{Frame, Pass},
    positions::Positions,
    rotary,
};
use crate::{
    ModelError,
    spec::{DecoderSpec, LogitsSpec, PositionSpec},
};

/// A decoder-only transformer on a device.
#[derive(Module, Debug)]
pub struct Decoder {
    pub(super) embedding: Embedding,
    pub(super) positions: Option<Embedding>,
    pub(super) blocks: Vec<Block>,
    pub(super) final_norm: Norm,
    /// Absent where the embedding matrix serves.
    pub(super) head: Option<Linear>,
    #[module(skip)]
    pub(super) spec: DecoderSpec,
}

impl Decoder {
    /// What the decoder is made of.
    pub fn spec(&self) -> &DecoderSpec {
        &self.spec
    }

    /// The device that holds the weights.
    pub fn device(&self) -> Device {
        self.embedding.weight.val().device()
    }

    /// Number of weights; shared ones count once.
    pub fn parameters(&self) -> usize {
        self.num_params()
    }

    /// Hidden states `[batch, tokens, channels]` after the final norm. With a cache, the batch
    /// continues the sequences that the cache holds, and the cache is extended.
    ///
    /// # Errors
    /// When an id is outside the vocabulary, the text is longer than the trained positions, or
    /// the batch does not match the cache.
    pub fn hidden_states(
        &self,
        batch: &TokenBatch,
        mut cache: Option<&mut KvCache>,
        observer: &mut dyn Observer,
    ) -> Result<Tensor<3>, ModelError> {
        if let Some(cache) = cache.as_deref()
            && !cache.positions.is_empty()
            && cache.positions.len() != batch.shape()[0]
        {
            return Err(ModelError::CacheMismatch {
                cached: cache.positions.len(),
                batch: batch.shape()[0],
            });
        }
        let (mut hidden, frame) = self.embed(batch, cache.as_deref_mut())?;
        let mut pass = Pass {
            frame: &frame,
            cache,
            observer,
        };
        for (layer, block) in self.blocks.iter().enumerate() {
            hidden = block.forward(hidden, layer, &mut pass);
        }
        Ok(self.final_norm.forward(hidden))
    }

    /// Logits `[batch, tokens, vocabulary]` of hidden states `[batch, tokens, channels]`.
    pub fn logits(&self, hidden: Tensor<3>) -> Tensor<3> {
        self.logits_of(hidden, 0..self.spec.vocab_size)
    }

    /// The same for some neighbouring tokens of the vocabulary.
    pub(super) fn logits_of(&self, hidden: Tensor<3>, tokens: Range<usize>) -> Tensor<3> {
        let (weight, bias) = match &self.head {
            Some(head) => {
                let bias = head.bias.as_ref().map(|bias| bias.val());
                (head.weight.val(), bias)
            }
            None => (self.embedding.weight.val().transpose(), None),
        };
        let (weight, bias) = match tokens.len() == weight.dims()[1] {
            true => (weight, bias),
            // Views.
            false => {
                let (first, count) = (tokens.start, tokens.len());
                let bias = bias.map(|bias| bias.narrow(0, first, count));
                (weight.narrow(1, first, count), bias)
            }
        };
        let logits = linear(hidden, weight, bias);
        let LogitsSpec {
            divisor, soft_cap, ..
        } = self.spec.logits;
        let logits = match divisor {
            1.0 => logits,
            divisor => logits / divisor,
        };
        match soft_cap {
            Some(cap) => soft_capped(logits, cap),
            None => logits,
        }
    }

    /// The residual stream `[batch, tokens, channels]` before the first block.
    pub(super) fn embed(
        &self,
        batch: &TokenBatch,
        cache: Option<&mut KvCache>,
    ) -> Result<(Tensor<3>, Frame), ModelError> {
        batch.check_vocabulary(self.spec.vocab_size)?;
        let device = self.device();
        let positions = Positions::new(batch, cache);
        let frame = self.frame(batch, &positions)?;
        let mut hidden = looked_up(&self.embedding, batch.ids(&device));
        if self.spec.embedding_multiplier != 1.0 {
            hidden = hidden * self.spec.embedding_multiplier;
        }
        if let (Some(learned), PositionSpec::Learned { offset, .. }) =
            (&self.positions, &self.spec.position)
        {
            // Below the context, so below any i32.
            let ids: Vec<i32> = positions
                .of_queries()
                .map(|position| (position + offset) as i32)
                .collect();
            let ids = Tensor::<1, Int>::from_data(ids.as_slice(), &device).reshape(batch.shape());
            hidden = hidden + looked_up(learned, ids);
        }
        Ok((hidden, frame))
    }

    /// What the batch means to every block.
    pub(super) fn frame(
        &self,
        batch: &TokenBatch,
        positions: &Positions,
    ) -> Result<Frame, ModelError> {
        let device = self.device();
        if let PositionSpec::Learned {
            positions: limit, ..
        } = self.spec.position
            && positions.length() > limit
        {
            return Err(ModelError::ContextExceeded {
                length: positions.length(),
                context: limit,
            });
        }
        let rotations = self.spec.position.rotations().iter().map(|spec| {
            let angles = rotary::angles(spec, positions);
            Rotation::growing(&angles, spec.growth(), batch.shape(), &device)
        });
        let windows = self.spec.blocks.iter().map(|block| block.window);
        Ok(Frame {
            mask: batch.mask(&device),
            masks: Masks::new(positions, windows, &device),
            rotations: rotations.collect(),
        })
    }
}

/// Rows `[batch, tokens, channels]` of an embedding matrix as float32, whatever it is held as.
fn looked_up(embedding: &Embedding, ids: Tensor<2, Int>) -> Tensor<3> {
    embedding.forward(ids).cast(DType::F32)
}
