//! Passing a text through a decoder: once, for everything that is wanted of it.

mod local_pass;
mod observer;
mod part;
mod passages;
mod shared_pass;

use std::collections::BTreeSet;

use layerlab_model::{Decoder, DecoderSpec};
use layerlab_score::LayerLosses;
use layerlab_stats::{LayerStatistics, ModelStatistics};
use serde::{Deserialize, Serialize};

pub use observer::MeasureOptions;
pub(crate) use passages::Passages;
pub use passages::TaskAnswers;

use crate::{LabError, Progress, Run};

/// Sequences, and how many are passed at a time.
#[derive(Clone, Copy)]
pub(crate) struct Calibration<'a> {
    pub passages: &'a Passages<'a>,
    pub batch: usize,
    /// A decoder whose blocks take the place of those that are left out, one at a time; nothing does if none.
    pub instead: Option<&'a Decoder>,
}

impl<'a> Calibration<'a> {
    /// Of these sequences, so many at a time.
    pub fn of(passages: &'a Passages<'a>, batch: usize) -> Self {
        Self {
            passages,
            batch,
            instead: None,
        }
    }
}

/// What sequences are passed for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct PassRequest {
    /// Blocks that the decoder is to do without; those that stay are renumbered.
    pub removed: BTreeSet<usize>,
    /// Statistics of every layer, if they are.
    pub statistics: Option<MeasureOptions>,
    /// Blocks; the loss without each of them.
    pub without: BTreeSet<usize>,
    /// The loss with all blocks but those removed.
    pub whole: bool,
}

/// What passing sequences has found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PassResult {
    /// Statistics of each layer; of no sequence where none are wanted.
    pub layers: Vec<LayerStatistics>,
    /// Summed cross-entropy of each sequence in nats; an entry without sequences where it was not wanted.
    pub losses: LayerLosses,
    /// What the losses took.
    pub passes: Passes,
    /// Seconds of the pass through all blocks, with what is measured of it.
    pub pass_seconds: f64,
    /// Seconds of the losses, and of the blocks behind each that is left out.
    pub loss_seconds: f64,
}

/// How often a sequence was passed through a block to find losses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Passes {
    /// As counted; the pass whose statistics are taken is none of them.
    pub counted: u64,
    /// What it would have been, had every candidate been passed from the first block on.
    pub plain: u64,
}

impl Passes {
    /// Of one sequence.
    fn of(layers: usize, wanted: &PassRequest) -> Self {
        let without = wanted.without.iter();
        let after = without.map(|layer| layers - layer - 1).sum::<usize>();
        let before = match (&wanted.statistics, wanted.whole) {
            (Some(_), _) => 0,
            (None, true) => layers,
            // The last candidate's prefix is the last that is needed.
            (None, false) => wanted.without.last().copied().unwrap_or(0),
        };
        let whole = if wanted.whole { layers } else { 0 };
        Self {
            counted: (before + after) as u64,
            plain: (wanted.without.len() * (layers - 1) + whole) as u64,
        }
    }

    pub fn add(&mut self, more: Self) {
        self.counted += more.counted;
        self.plain += more.plain;
    }
}

impl PassRequest {
    /// Whether all blocks must be passed.
    fn is_whole(&self) -> bool {
        self.whole || self.statistics.is_some()
    }

    /// How many losses are wanted of a sequence.
    fn losses(&self) -> usize {
        self.without.len() + usize::from(self.whole)
    }

    fn check(&self, layers: usize) -> Result<(), LabError> {
        let mut spans = self.statistics.iter().flat_map(|options| &options.spans);
        match spans.find(|span| !(1..=layers).contains(*span)) {
            Some(&span) => Err(LabError::Span { span, layers }),
            None => Ok(()),
        }
    }
}

impl PassResult {
    fn nothing(layers: usize) -> Self {
        Self {
            layers: vec![LayerStatistics::default(); layers],
            losses: LayerLosses {
                without: vec![Vec::new(); layers],
                ..LayerLosses::default()
            },
            passes: Passes::default(),
            pass_seconds: 0.0,
            loss_seconds: 0.0,
        }
    }

    /// Adds what was found of other sequences for the same.
    fn append(&mut self, more: Self) {
        for (layer, more) in self.layers.iter_mut().zip(more.layers) {
            layer.merge(more);
        }
        self.losses.append(more.losses);
        self.passes.add(more.passes);
        self.pass_seconds += more.pass_seconds;
        self.loss_seconds += more.loss_seconds;
    }
}

/// How far a pass has come.
struct PassProgress {
    /// Sequences done, and in all.
    sequences: [usize; 2],
    /// Pairs of a part and a loss that is wanted of it: done, and in all.
    pairs: Option<[usize; 2]>,
}

impl PassProgress {
    /// At the beginning; a part has `size` sequences.
    fn start(sequences: usize, size: usize, wanted: &PassRequest) -> Self {
        let pairs = sequences.div_ceil(size) * wanted.losses();
        Self {
            sequences: [0, sequences],
            pairs: (wanted.losses() > 0).then_some([0, pairs]),
        }
    }

    fn progress(&self) -> Progress {
        match self.pairs {
            Some([done, total]) => Progress::LeavingOut { done, total },
            None => {
                let [sequences, total] = self.sequences;
                Progress::Measuring { sequences, total }
            }
        }
    }

    fn found_losses(&mut self, count: usize) {
        if let Some([done, _]) = &mut self.pairs {
            *done += count;
        }
    }
}

impl Calibration<'_> {
    /// Passes the sequences through the decoder, shared with peers where it is worth it.
    ///
    /// # Errors
    /// When an option is out of range, the decoder cannot read a sequence, the device fails, or the
    /// caller asks to stop.
    pub async fn pass(
        &self,
        decoder: &Decoder,
        wanted: &PassRequest,
        run: &mut Run<'_>,
    ) -> Result<PassResult, LabError> {
        match run.peers() {
            // Peers have no other decoder.
            Some(peers)
                if self.instead.is_none() && self.passages.len() > self.batch && self.batch > 0 =>
            {
                self.pass_with(peers, decoder, wanted, run).await
            }
            _ => self.pass_locally(decoder, wanted, run).await,
        }
    }

    /// Statistics of every layer of the decoder without some blocks.
    pub async fn statistics(
        &self,
        decoder: &Decoder,
        removed: &BTreeSet<usize>,
        options: MeasureOptions,
        run: &mut Run<'_>,
    ) -> Result<ModelStatistics, LabError> {
        let wanted = PassRequest {
            removed: removed.clone(),
            statistics: Some(options),
            ..PassRequest::default()
        };
        let layers = self.pass(decoder, &wanted, run).await?.layers;
        Ok(ModelStatistics { layers })
    }

    /// Mean cross-entropy per token in nats of the decoder without some blocks.
    pub async fn loss(
        &self,
        decoder: &Decoder,
        removed: &BTreeSet<usize>,
        run: &mut Run<'_>,
    ) -> Result<f64, LabError> {
        let wanted = PassRequest {
            removed: removed.clone(),
            whole: true,
            ..PassRequest::default()
        };
        let losses = self.pass(decoder, &wanted, run).await?.losses;
        Ok(losses.whole_mean().unwrap_or(f64::NAN))
    }
}

/// About how many seconds leaving out each layer would take where one pass took `pass_seconds`. With the prefix shared, each layer asks
/// for half of the blocks in the mean and for the logits, whose cost beside a block's is about that of their weights.
pub(crate) fn leave_out_seconds(pass_seconds: f64, spec: &DecoderSpec) -> f64 {
    let models = spec.layers() as f64 + 1.0;
    let blocks = (spec.layers() * spec.block_parameters()) as f64;
    let logits = (spec.vocab_size * spec.hidden_size) as f64 / blocks;
    pass_seconds * models * (0.5 + logits)
}

/// Passes `sequences` through the decoder and takes statistics of every layer on its device.
///
/// # Errors
/// When an option is out of range, the decoder cannot read a sequence, the device fails, or the
/// caller asks to stop.
pub async fn measure(
    decoder: &Decoder,
    sequences: &[Vec<u32>],
    options: &MeasureOptions,
    run: &mut Run<'_>,
) -> Result<ModelStatistics, LabError> {
    let batch = options.batch;
    let (whole, options) = (&BTreeSet::new(), options.clone());
    let passages = &Passages::of(sequences);
    Calibration::of(passages, batch)
        .statistics(decoder, whole, options, run)
        .await
}
