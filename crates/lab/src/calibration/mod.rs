//! Passing a text through a decoder: once, for everything that is wanted of it.

mod observer;
mod part;

use std::collections::BTreeSet;

use layerlab_model::{Decoder, Parting, each_part};
use layerlab_score::LayerLosses;
use layerlab_stats::{LayerStatistics, ModelStatistics};
use web_time::Instant;

pub use observer::MeasureOptions;
use observer::merge;
use part::Part;

use crate::{LabError, Progress, Run};

/// Sequences, and how many are passed at a time.
#[derive(Clone, Copy)]
pub(crate) struct Calibration<'a> {
    pub sequences: &'a [Vec<u32>],
    pub batch: usize,
}

/// What sequences are passed for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Statistics of every layer, if they are.
    pub statistics: Option<MeasureOptions>,
    /// Blocks; the loss without each of them.
    pub without: BTreeSet<usize>,
    /// The loss of the whole decoder.
    pub whole: bool,
}

/// What passing sequences has found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Passes {
    /// As counted; the pass whose statistics are taken is none of them.
    pub counted: u64,
    /// What it would have been, had every candidate been passed from the first block on.
    pub plain: u64,
}

impl Passes {
    /// Of one sequence.
    fn of(layers: usize, wanted: &Wanted) -> Self {
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

impl Wanted {
    /// Nothing but the loss of the whole decoder.
    pub fn loss() -> Self {
        Self {
            whole: true,
            ..Self::default()
        }
    }

    /// Whether all blocks must be passed.
    fn is_whole(&self) -> bool {
        self.whole || self.statistics.is_some()
    }

    fn check(&self, layers: usize) -> Result<(), LabError> {
        let mut spans = self.statistics.iter().flat_map(|options| &options.spans);
        match spans.find(|span| !(1..=layers).contains(*span)) {
            Some(&span) => Err(LabError::Span { span, layers }),
            None => Ok(()),
        }
    }
}

impl Found {
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
}

/// How far a pass has come.
struct Place {
    /// Sequences done, and in all.
    sequences: [usize; 2],
    /// Pairs of a part and a loss that is wanted of it: done, and in all.
    pairs: Option<[usize; 2]>,
}

impl Place {
    fn progress(&self) -> Progress {
        match self.pairs {
            Some([done, total]) => Progress::LeavingOut { done, total },
            None => {
                let [sequences, total] = self.sequences;
                Progress::Measuring { sequences, total }
            }
        }
    }

    fn found_losses(&mut self, parts: usize) {
        if let Some([done, _]) = &mut self.pairs {
            *done += parts;
        }
    }
}

/// Seconds that something takes.
async fn timed<T>(seconds: &mut f64, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let found = work.await;
    *seconds += start.elapsed().as_secs_f64();
    found
}

impl Calibration<'_> {
    /// Passes the sequences. Blocks below a candidate are passed once for all candidates and for the statistics,
    /// so that L candidates of L blocks take about half of L² block passes. Statistics of all layers of a batch
    /// come back in one read-back.
    ///
    /// # Errors
    /// When an option is out of range, the decoder cannot read a sequence, the device fails, or the
    /// caller asks to stop.
    pub async fn pass(
        &self,
        decoder: &Decoder,
        wanted: &Wanted,
        run: &mut Run<'_>,
    ) -> Result<Found, LabError> {
        let layers = decoder.spec().layers();
        wanted.check(layers)?;
        if self.batch == 0 {
            return Err(LabError::EmptyBatch);
        }
        let device = decoder.device();
        let parting = Parting::of(self.batch, &device);
        let mut found = Found::nothing(layers);
        let losses = wanted.without.len() + usize::from(wanted.whole);
        let pairs = self.sequences.len().div_ceil(parting.size) * losses;
        let mut place = Place {
            sequences: [0, self.sequences.len()],
            pairs: (losses > 0).then_some([0, pairs]),
        };
        run.step(place.progress()).await?;
        for sequences in self.sequences.chunks(parting.together()) {
            let parts = sequences.chunks(parting.size);
            let parts = parts.map(|part| Part::begin(decoder, part, wanted.statistics.as_ref()));
            let mut parts = parts.collect::<Result<Vec<_>, _>>()?;
            let mut next = 0;
            for &layer in &wanted.without {
                let advance = each_part(&device, &mut parts, async |part| {
                    part.advance(decoder, next..layer)
                });
                timed(&mut found.pass_seconds, advance).await?;
                next = layer;
                let without = each_part(&device, &mut parts, async |part| {
                    part.losses_without(decoder, layer).await
                });
                let without = timed(&mut found.loss_seconds, without).await?;
                found.losses.without[layer].extend(without.into_iter().flatten());
                place.found_losses(parts.len());
                run.step(place.progress()).await?;
            }
            if wanted.is_whole() {
                let rest = each_part(&device, &mut parts, async |part| {
                    part.advance(decoder, next..layers)?;
                    part.statistics().await
                });
                let results = timed(&mut found.pass_seconds, rest).await?;
                if let Some(options) = &wanted.statistics {
                    for results in results {
                        merge(results, options, &mut found.layers);
                    }
                }
            }
            if wanted.whole {
                let whole = each_part(&device, &mut parts, async |part| part.losses(decoder).await);
                let whole = timed(&mut found.loss_seconds, whole).await?;
                found.losses.whole.extend(whole.into_iter().flatten());
                place.found_losses(parts.len());
            }
            let predicted = sequences.iter().map(|sequence| sequence.len() - 1);
            found.losses.tokens.extend(predicted);
            for _ in sequences {
                found.passes.add(Passes::of(layers, wanted));
            }
            place.sequences[0] += sequences.len();
            run.step(place.progress()).await?;
        }
        Ok(found)
    }
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
    let wanted = Wanted {
        statistics: Some(options.clone()),
        ..Wanted::default()
    };
    let found = Calibration { sequences, batch }
        .pass(decoder, &wanted, run)
        .await?;
    Ok(ModelStatistics {
        layers: found.layers,
        epsilon: options.epsilon,
    })
}
