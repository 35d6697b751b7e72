//! Some sequences on their way through a decoder.

use std::{hint::black_box, ops::Range};

use layerlab_kernels::BatchStatistics;
use layerlab_model::{Decoder, ModelError, NoObserver, PaddingSide, Stream, TokenBatch};

use super::{
    observer::{MeasureOptions, Observed, TapObserver},
    passages::Passages,
};
use crate::LabError;

/// Some of the sequences, between two blocks.
pub(super) struct Chunk<'a> {
    passages: Passages<'a>,
    /// Behind the blocks that everything to come shares.
    prefix: Stream,
    /// What is measured of the prefix, if anything is.
    taps: Option<TapObserver<'a>>,
}

impl<'a> Chunk<'a> {
    /// Before the first block.
    pub fn begin(
        decoder: &Decoder,
        passages: Passages<'a>,
        statistics: Option<&'a MeasureOptions>,
    ) -> Result<Self, LabError> {
        Ok(Self {
            prefix: decoder.begin(&TokenBatch::new(&passages.sequences, PaddingSide::Right)?)?,
            passages,
            taps: statistics.map(|options| TapObserver::new(options, decoder.spec().layers())),
        })
    }

    /// Passes some blocks, and measures what is wanted of them.
    pub async fn advance(
        &mut self,
        decoder: &Decoder,
        blocks: Range<usize>,
    ) -> Result<(), LabError> {
        for layer in blocks {
            let stream = self.prefix.clone();
            self.prefix = match &mut self.taps {
                Some(taps) => decoder.advance(stream, layer, taps)?,
                None => decoder.advance(stream, layer, &mut NoObserver)?,
            };
        }
        // A GPU is waited for: only then is known how long it took. Some give what they have yet to fetch, hence the look.
        let number = self.prefix.hidden().slice([0..1, 0..1, 0..1]);
        let number = number.into_data_async().await.map_err(ModelError::from)?;
        black_box(number.iter::<f32>().next());
        Ok(())
    }

    /// What was measured on the way.
    pub async fn statistics(&mut self) -> Result<Vec<(Observed, BatchStatistics)>, LabError> {
        match self.taps.take() {
            Some(taps) => taps.results().await,
            None => Ok(Vec::new()),
        }
    }

    /// Loss of each sequence where the prefix comes out of the last block.
    pub async fn losses(&self, decoder: &Decoder) -> Result<Vec<f64>, LabError> {
        self.losses_of(decoder, self.prefix.clone()).await
    }

    /// Loss of each sequence without block `layer`, which is the next, or with that of another decoder in its place.
    pub async fn losses_without(
        &self,
        decoder: &Decoder,
        instead: Option<&Decoder>,
        layer: usize,
    ) -> Result<Vec<f64>, LabError> {
        let mut stream = self.prefix.clone();
        if let Some(other) = instead {
            stream = other.advance(stream, layer, &mut NoObserver)?;
        }
        for later in layer + 1..decoder.spec().layers() {
            stream = decoder.advance(stream, later, &mut NoObserver)?;
        }
        self.losses_of(decoder, stream).await
    }

    async fn losses_of(&self, decoder: &Decoder, stream: Stream) -> Result<Vec<f64>, LabError> {
        let targets = self.passages.targets();
        let mut losses = vec![0.0; self.passages.len()];
        if let Some(found) = decoder.log_likelihoods(decoder.finish(stream), &targets) {
            let found = found.into_data_async().await.map_err(ModelError::from)?;
            for (target, value) in targets.iter().zip(found.iter::<f32>()) {
                losses[target.row] -= f64::from(value);
            }
        }
        Ok(losses)
    }
}
