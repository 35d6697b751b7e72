//! What a decoder loses without each of its blocks, measured.

use std::collections::BTreeSet;

use layerlab_model::{Decoder, PaddingSide, Parting, Stream, Target, TokenBatch, each_part};
use layerlab_score::LayerLosses;

use crate::{LabError, Progress, Run};

/// How often a sequence was passed through a block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Passes {
    /// As counted.
    pub counted: u64,
    /// What it would have been, had every candidate been passed from the first block on.
    pub plain: u64,
}

/// Sequences, and how many are passed at a time.
#[derive(Clone, Copy)]
pub(crate) struct Calibration<'a> {
    pub sequences: &'a [Vec<u32>],
    pub batch: usize,
}

impl Calibration<'_> {
    /// Summed cross-entropy of each sequence in nats.
    pub async fn losses(
        &self,
        decoder: &Decoder,
        run: &mut Run<'_>,
    ) -> Result<LayerLosses, LabError> {
        let mut passes = Passes::default();
        self.leave_out(decoder, &BTreeSet::new(), true, &mut passes, run)
            .await
    }

    /// Losses without each of `candidates`; `without` has an empty entry for every other layer. Blocks
    /// below a candidate are passed once for all candidates, so that L candidates of L blocks take about
    /// half of L² block passes. The loss of the whole decoder comes with it if `whole`.
    pub async fn leave_out(
        &self,
        decoder: &Decoder,
        candidates: &BTreeSet<usize>,
        whole: bool,
        passes: &mut Passes,
        run: &mut Run<'_>,
    ) -> Result<LayerLosses, LabError> {
        let layers = decoder.spec().layers();
        let mut found = LayerLosses {
            without: vec![Vec::new(); layers],
            ..LayerLosses::default()
        };
        let device = decoder.device();
        let parting = Parting::of(self.batch, &device);
        let batches = self.sequences.len().div_ceil(parting.size);
        let (mut done, total) = (0, batches * candidates.len().max(1));
        run.step(Progress::LeavingOut { done, total }).await?;
        // The last candidate's prefix is the last that is needed.
        let end = match whole {
            true => layers,
            false => candidates.last().copied().unwrap_or(0),
        };
        for sequences in self.sequences.chunks(parting.together()) {
            let rows = sequences.len() as u64;
            found
                .tokens
                .extend(sequences.iter().map(|sequence| sequence.len() - 1));
            let parts = sequences.chunks(parting.size);
            let parts: Result<Vec<Part<'_>>, LabError> =
                parts.map(|part| Part::begin(decoder, part)).collect();
            let mut parts = parts?;
            for layer in 0..layers {
                let is_candidate = candidates.contains(&layer);
                let without = each_part(&device, &mut parts, async |part| {
                    let losses = match is_candidate {
                        true => part.without(decoder, layer).await?,
                        false => Vec::new(),
                    };
                    if layer < end {
                        part.prefix = decoder.advance(part.prefix.clone(), layer)?;
                    }
                    Ok::<_, LabError>(losses)
                });
                found.without[layer].extend(without.await?.into_iter().flatten());
                if is_candidate {
                    passes.counted += rows * (layers - layer - 1) as u64;
                    passes.plain += rows * (layers - 1) as u64;
                    done += parts.len();
                    run.step(Progress::LeavingOut { done, total }).await?;
                }
                if layer < end {
                    passes.counted += rows;
                }
            }
            if whole {
                passes.plain += rows * layers as u64;
                let losses = each_part(&device, &mut parts, async |part| {
                    part.losses(decoder, part.prefix.clone()).await
                });
                found.whole.extend(losses.await?.into_iter().flatten());
            }
        }
        Ok(found)
    }
}

/// Some of the sequences, on their way through the decoder.
struct Part<'a> {
    sequences: &'a [Vec<u32>],
    /// Behind the blocks that all candidates to come share.
    prefix: Stream,
}

impl<'a> Part<'a> {
    fn begin(decoder: &Decoder, sequences: &'a [Vec<u32>]) -> Result<Self, LabError> {
        let prefix = decoder.begin(&TokenBatch::new(sequences, PaddingSide::Right)?)?;
        Ok(Self { sequences, prefix })
    }

    /// Loss of each sequence without block `layer`, which is the next.
    async fn without(&self, decoder: &Decoder, layer: usize) -> Result<Vec<f64>, LabError> {
        let mut stream = self.prefix.clone();
        for later in layer + 1..decoder.spec().layers() {
            stream = decoder.advance(stream, later)?;
        }
        self.losses(decoder, stream).await
    }

    /// Loss of each sequence where `stream` comes out of the last block.
    async fn losses(&self, decoder: &Decoder, stream: Stream) -> Result<Vec<f64>, LabError> {
        let targets = Target::next_tokens(self.sequences);
        let mut losses = vec![0.0; self.sequences.len()];
        if let Some(found) = decoder.log_likelihoods(decoder.finish(stream), &targets) {
            let found = found
                .into_data_async()
                .await
                .map_err(layerlab_model::ModelError::from)?;
            for (target, value) in targets.iter().zip(found.iter::<f32>()) {
                losses[target.row] -= f64::from(value);
            }
        }
        Ok(losses)
    }
}

/// Mean cross-entropy per token in nats.
pub(crate) fn mean_loss(losses: &[f64], tokens: &[usize]) -> f64 {
    losses.iter().sum::<f64>() / tokens.iter().sum::<usize>() as f64
}
