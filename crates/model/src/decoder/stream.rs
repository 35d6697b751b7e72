//! Forward passes block by block, so that passes with the same beginning share it.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::{
    batch::TokenBatch,
    model::Decoder,
    observe::Observer,
    pass::{Frame, Pass},
    positions::Positions,
};
use crate::ModelError;

/// The residual stream of a batch between two blocks. A clone shares the tensor, so a pass can go on
/// from the same place in several ways.
#[derive(Clone)]
pub struct Stream {
    /// `[batch, tokens, channels]`.
    hidden: Tensor<3>,
    frame: Arc<Frame>,
}

impl Stream {
    /// The residual stream `[batch, tokens, channels]`.
    pub fn hidden(&self) -> Tensor<3> {
        self.hidden.clone()
    }
}

impl Decoder {
    /// The residual stream before the first block.
    ///
    /// # Errors
    /// When an id is outside the vocabulary, or the text is longer than the trained positions.
    pub fn begin(&self, batch: &TokenBatch) -> Result<Stream, ModelError> {
        let (hidden, frame) = self.embed(batch, None)?;
        Ok(Stream {
            hidden,
            frame: Arc::new(frame),
        })
    }

    /// The stream of `batch` where its hidden states `[batch, tokens, channels]` before some block are known
    /// already. They may lie on the device without gradients while the decoder is on the one with them.
    ///
    /// # Errors
    /// When the text is longer than the trained positions.
    pub fn resume(&self, batch: &TokenBatch, hidden: Tensor<3>) -> Result<Stream, ModelError> {
        let frame = Arc::new(self.frame(batch, &Positions::new(batch, None))?);
        Ok(Stream { hidden, frame })
    }

    /// The stream after block `layer`, which `observer` watches.
    ///
    /// # Errors
    /// When there is no such block.
    pub fn advance(
        &self,
        stream: Stream,
        layer: usize,
        observer: &mut dyn Observer,
    ) -> Result<Stream, ModelError> {
        let block = self.blocks.get(layer).ok_or(ModelError::NoSuchLayer {
            layer,
            layers: self.blocks.len(),
        })?;
        let mut pass = Pass {
            frame: &stream.frame,
            cache: None,
            observer,
        };
        let hidden = block.forward(stream.hidden, layer, &mut pass);
        Ok(Stream {
            hidden,
            frame: stream.frame,
        })
    }

    /// Hidden states `[batch, tokens, channels]` after the final norm, as if the stream had passed
    /// the last block.
    pub fn finish(&self, stream: Stream) -> Tensor<3> {
        self.final_norm.forward(stream.hidden)
    }
}
