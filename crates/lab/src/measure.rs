//! The pass over the calibration text: activation statistics at every layer.

use std::{
    collections::{BTreeSet, VecDeque},
    mem,
};

use burn::tensor::{Int, Tensor};
use layerlab_kernels::{BatchStatistics, Measurement, collect, compare, measure as start};
use layerlab_model::{Decoder, Observer, PaddingSide, Parting, TokenBatch, each_part};
use layerlab_stats::{Epsilon, ModelStatistics, PairStatistics, Tap, TapStatistics};

use crate::{LabError, Progress, Run};

/// What is measured, and how many sequences at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasureOptions {
    /// Where activations are read.
    pub taps: BTreeSet<Tap>,
    /// Sparsity threshold; an absolute one is counted exactly.
    pub epsilon: Epsilon,
    /// How many blocks apart hidden states are compared.
    pub spans: BTreeSet<usize>,
    /// Sequences per forward pass.
    pub batch: usize,
}

/// Passes `sequences` through the decoder and takes statistics of every layer on its device. Statistics
/// of all layers of a batch come back in one read-back.
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
    let layers = decoder.spec().layers();
    let fits = |span: usize| (1..=layers).contains(&span);
    if let Some(&span) = options.spans.iter().find(|span| !fits(**span)) {
        return Err(LabError::Span { span, layers });
    }
    if options.batch == 0 {
        return Err(LabError::EmptyBatch);
    }
    let total = sequences.len();
    let mut statistics = ModelStatistics::new(layers, options.epsilon);
    let mut done = 0;
    run.step(Progress::Measuring {
        sequences: done,
        total,
    })
    .await?;
    let device = decoder.device();
    let parting = Parting::of(options.batch, &device);
    for sequences in sequences.chunks(parting.together()) {
        let mut parts: Vec<&[Vec<u32>]> = sequences.chunks(parting.size).collect();
        let found = each_part(&device, &mut parts, async |sequences| {
            let batch = TokenBatch::new(sequences, PaddingSide::Right)?;
            let mut taps = TapObserver::new(options);
            decoder.hidden_states(&batch, None, &mut taps)?;
            taps.results().await
        });
        for results in found.await? {
            merge(results, options, &mut statistics);
        }
        done += sequences.len();
        run.step(Progress::Measuring {
            sequences: done,
            total,
        })
        .await?;
    }
    Ok(statistics)
}

/// What a measurement is of.
enum Subject {
    Tap(usize, Tap),
    Span(usize, usize),
}

/// Starts a measurement for every activation that is wanted, and waits for none of them.
struct TapObserver<'a> {
    options: &'a MeasureOptions,
    /// Inputs of the latest blocks, the newest last: as many as the longest span needs.
    inputs: VecDeque<Tensor<3>>,
    subjects: Vec<Subject>,
    measurements: Vec<Measurement>,
}

impl<'a> TapObserver<'a> {
    fn new(options: &'a MeasureOptions) -> Self {
        Self {
            options,
            inputs: VecDeque::new(),
            subjects: Vec::new(),
            measurements: Vec::new(),
        }
    }

    fn wants_tap(&self, tap: Tap) -> bool {
        self.options.taps.contains(&tap)
    }

    fn add(&mut self, subject: Subject, measurement: Measurement) {
        self.subjects.push(subject);
        self.measurements.push(measurement);
    }

    fn measure(
        &mut self,
        layer: usize,
        tap: Tap,
        hidden: Tensor<3>,
        input: Option<Tensor<3>>,
        mask: &Tensor<2, Int>,
    ) {
        let epsilon = match self.options.epsilon {
            Epsilon::Absolute(threshold) => Some(threshold),
            Epsilon::Relative(_) => None,
        };
        let measurement = start(hidden, input, mask.clone(), epsilon);
        self.add(Subject::Tap(layer, tap), measurement);
    }

    /// Compares the output of block `layer` with the inputs that lie a wanted span before it.
    fn compare_spans(&mut self, layer: usize, output: &Tensor<3>, mask: &Tensor<2, Int>) {
        for &span in &self.options.spans {
            let first = (layer + 1).checked_sub(span);
            let input = self.inputs.len().checked_sub(span);
            let pair = first.zip(input.and_then(|index| self.inputs.get(index).cloned()));
            match pair {
                Some((first, input)) if span > 1 || !self.wants_tap(Tap::Output) => {
                    let measurement = compare(input, output.clone(), mask.clone());
                    self.add(Subject::Span(first, span), measurement);
                }
                _ => {}
            }
        }
    }

    /// Fetches everything that was started.
    async fn results(self) -> Result<Vec<(Subject, BatchStatistics)>, LabError> {
        let results = collect(self.measurements).await?;
        Ok(self.subjects.into_iter().zip(results).collect())
    }
}

/// Adds what was found of some sequences to what is known of those before.
fn merge(
    results: Vec<(Subject, BatchStatistics)>,
    options: &MeasureOptions,
    statistics: &mut ModelStatistics,
) {
    let shares_residual = [Tap::Input, Tap::Output]
        .iter()
        .all(|tap| options.taps.contains(tap));
    for (subject, result) in results {
        let pairs = PairStatistics {
            sequences: result.pairs,
        };
        let sequences = TapStatistics {
            sequences: result.sequences,
        };
        let (layer, span) = match subject {
            Subject::Span(layer, span) => (layer, span),
            Subject::Tap(layer, tap) => {
                // What a block writes, the next one reads: one measurement serves both.
                if let (Tap::Output, true, Some(next)) =
                    (tap, shares_residual, statistics.layers.get_mut(layer + 1))
                {
                    let taps = &mut next.taps;
                    taps.entry(Tap::Input).or_default().merge(sequences.clone());
                }
                let Some(measured) = statistics.layers.get_mut(layer) else {
                    continue;
                };
                measured.taps.entry(tap).or_default().merge(sequences);
                (layer, 1)
            }
        };
        if let Some(measured) = statistics.layers.get_mut(layer)
            && !pairs.sequences.is_empty()
        {
            measured.spans.entry(span).or_default().merge(pairs);
        }
    }
}

impl Observer for TapObserver<'_> {
    fn wants(&self, _layer: usize, tap: Tap) -> bool {
        let compares = !self.options.spans.is_empty();
        self.wants_tap(tap) || (compares && matches!(tap, Tap::Input | Tap::Output))
    }

    fn observe(&mut self, layer: usize, tap: Tap, hidden: Tensor<3>, mask: &Tensor<2, Int>) {
        match tap {
            Tap::Input => {
                let longest = self.options.spans.last().copied().unwrap_or(0);
                self.inputs.push_back(hidden.clone());
                let surplus = self.inputs.len().saturating_sub(longest);
                mem::drop(self.inputs.drain(..surplus));
                let is_known = layer > 0 && self.wants_tap(Tap::Output);
                if self.wants_tap(tap) && !is_known {
                    self.measure(layer, tap, hidden, None, mask);
                }
            }
            Tap::Output => {
                self.compare_spans(layer, &hidden, mask);
                if self.wants_tap(tap) {
                    let compares = self.options.spans.contains(&1);
                    let input = self.inputs.back().filter(|_| compares).cloned();
                    self.measure(layer, tap, hidden, input, mask);
                }
            }
            _ => self.measure(layer, tap, hidden, None, mask),
        }
    }
}
