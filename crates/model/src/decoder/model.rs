//! The decoder as a whole: from token ids to hidden states to logits.

use std::ops::Range;

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use layerlab_kernels::ops::{heads::Rotation, tanh::soft_capped};

use super::{
    batch::TokenBatch,
    block::Block,
    cache::KvCache,
    masks::Masks,
    norm::Norm,
    observe::Observer,
    pass::{Frame, Pass},
    positions::Positions,
    projection::Linear,
    rotary,
    weight::Weight,
};
use crate::{
    ModelError,
    spec::{DecoderSpec, LogitsSpec, PositionSpec},
};

/// A decoder-only transformer on a device.
#[derive(Module, Debug)]
pub struct Decoder {
    /// Serves as the head too, where there is none.
    pub(super) embedding: Weight,
    pub(super) positions: Option<Weight>,
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
        self.final_norm.device()
    }

    /// Number of weights; shared ones count once.
    pub fn parameters(&self) -> usize {
        let blocks = self.blocks.iter().flat_map(Block::projections);
        let maps = blocks.map(|map| &map.linear).chain(&self.head);
        let weights = maps.map(|map| &map.weight).chain([&self.embedding]);
        let weights = weights.chain(&self.positions);
        self.num_params() + weights.map(Weight::uncounted).sum::<usize>()
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
            Some(head) => (&head.weight, head.bias.as_ref().map(|bias| bias.val())),
            None => (&self.embedding, None),
        };
        let logits = match tokens.len() == weight.outputs() {
            true => weight.apply(hidden, bias),
            false => {
                let bias = bias.map(|bias| bias.narrow(0, tokens.start, tokens.len()));
                weight.narrow(tokens).apply(hidden, bias)
            }
        };
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
        let mut hidden = self.embedding.rows(batch.ids(), batch.shape(), &device);
        if self.spec.embedding_multiplier != 1.0 {
            hidden = hidden * self.spec.embedding_multiplier;
        }
        if let (Some(learned), PositionSpec::Learned { offset, .. }) =
            (&self.positions, &self.spec.position)
        {
            let ids = positions.of_queries().map(|position| position + offset);
            // Below the context, so below any u32.
            let ids: Vec<u32> = ids.map(|id| id as u32).collect();
            hidden = hidden + learned.rows(&ids, batch.shape(), &device);
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
