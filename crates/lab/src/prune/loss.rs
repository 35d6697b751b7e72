//! What a decoder loses without each of its blocks, measured.

use std::collections::BTreeSet;

use layerlab_model::{Decoder, PaddingSide, Stream, Target, TokenBatch};
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
        let batches = self.sequences.len().div_ceil(self.batch.max(1));
        let (mut done, total) = (0, batches * candidates.len().max(1));
        run.step(Progress::LeavingOut { done, total }).await?;
        for sequences in self.sequences.chunks(self.batch.max(1)) {
            let rows = sequences.len() as u64;
            let batch = TokenBatch::new(sequences, PaddingSide::Right)?;
            found
                .tokens
                .extend(sequences.iter().map(|sequence| sequence.len() - 1));
            let mut prefix = decoder.begin(&batch)?;
            // The last candidate's prefix is the last that is needed.
            let end = match whole {
                true => layers,
                false => candidates.last().copied().unwrap_or(0),
            };
            for layer in 0..layers {
                if candidates.contains(&layer) {
                    let mut stream = prefix.clone();
                    for later in layer + 1..layers {
                        stream = decoder.advance(stream, later)?;
                    }
                    passes.counted += rows * (layers - layer - 1) as u64;
                    passes.plain += rows * (layers - 1) as u64;
                    found.without[layer].extend(losses(decoder, stream, sequences).await?);
                    done += 1;
                    run.step(Progress::LeavingOut { done, total }).await?;
                }
                if layer < end {
                    prefix = decoder.advance(prefix, layer)?;
                    passes.counted += rows;
                }
            }
            if whole {
                passes.plain += rows * layers as u64;
                found
                    .whole
                    .extend(losses(decoder, prefix, sequences).await?);
            }
        }
        Ok(found)
    }
}

/// Mean cross-entropy per token in nats.
pub(crate) fn mean_loss(losses: &[f64], tokens: &[usize]) -> f64 {
    losses.iter().sum::<f64>() / tokens.iter().sum::<usize>() as f64
}

async fn losses(
    decoder: &Decoder,
    stream: Stream,
    sequences: &[Vec<u32>],
) -> Result<Vec<f64>, LabError> {
    let targets = Target::next_tokens(sequences);
    let mut losses = vec![0.0; sequences.len()];
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
