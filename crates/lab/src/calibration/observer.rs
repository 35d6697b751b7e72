//! Activation statistics of every layer, taken during a pass.

use std::{
    collections::{BTreeSet, VecDeque},
    mem,
};

use burn::tensor::{Int, Tensor};
use layerlab_kernels::{BatchStatistics, Recorder};
use layerlab_model::Observer;
use layerlab_stats::{Epsilon, LayerStatistics, PairStatistics, Tap, TapStatistics};
use serde::{Deserialize, Serialize};

use crate::LabError;

/// What is measured, and how many sequences at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasureOptions {
    /// Where activations are read.
    pub taps: BTreeSet<Tap>,
    /// Sparsity threshold; an absolute one is counted exactly.
    pub epsilon: Epsilon,
    /// How many blocks apart hidden states are compared.
    pub spans: BTreeSet<usize>,
    /// Sequences in memory at a time, on all threads together.
    pub batch: usize,
}

/// What a measurement is of.
pub(super) enum Observed {
    Tap(usize, Tap),
    Span(usize, usize),
}

/// Starts a measurement for every activation that is wanted, and waits for none of them.
pub(super) struct TapObserver<'a> {
    options: &'a MeasureOptions,
    /// Inputs of the latest blocks, the newest last: as many as the longest span needs.
    inputs: VecDeque<Tensor<3>>,
    /// What is measured, in the order of the recorder.
    subjects: Vec<Observed>,
    /// From the first activation on, which tells the mask.
    recorder: Option<Recorder>,
    layers: usize,
}

impl<'a> TapObserver<'a> {
    /// For a decoder of so many layers.
    pub fn new(options: &'a MeasureOptions, layers: usize) -> Self {
        Self {
            options,
            inputs: VecDeque::new(),
            subjects: Vec::new(),
            recorder: None,
            layers,
        }
    }

    fn wants_tap(&self, tap: Tap) -> bool {
        self.options.taps.contains(&tap)
    }

    /// Makes a note of what is measured next, by the recorder that it gives.
    fn record(&mut self, subject: Observed, mask: &Tensor<2, Int>) -> &mut Recorder {
        self.subjects.push(subject);
        let expected = self.layers * self.options.taps.len();
        self.recorder
            .get_or_insert_with(|| Recorder::new(mask.clone(), expected))
    }

    fn measure(
        &mut self,
        layer: usize,
        tap: Tap,
        hidden: Tensor<3>,
        input: Option<Tensor<3>>,
        mask: &Tensor<2, Int>,
    ) {
        let epsilon = self.options.epsilon.absolute();
        let recorder = self.record(Observed::Tap(layer, tap), mask);
        recorder.measure(hidden, input, epsilon);
    }

    /// Compares the output of block `layer` with the inputs that lie a wanted span before it.
    fn compare_spans(&mut self, layer: usize, output: &Tensor<3>, mask: &Tensor<2, Int>) {
        for &span in &self.options.spans {
            let first = (layer + 1).checked_sub(span);
            let input = self.inputs.len().checked_sub(span);
            let pair = first.zip(input.and_then(|index| self.inputs.get(index).cloned()));
            match pair {
                Some((first, input)) if span > 1 || !self.wants_tap(Tap::Output) => {
                    let recorder = self.record(Observed::Span(first, span), mask);
                    recorder.compare(input, output.clone());
                }
                _ => {}
            }
        }
    }

    /// Fetches everything that was started.
    pub async fn results(self) -> Result<Vec<(Observed, BatchStatistics)>, LabError> {
        let results = match self.recorder {
            Some(recorder) => recorder.collect().await?,
            None => Vec::new(),
        };
        Ok(self.subjects.into_iter().zip(results).collect())
    }
}

/// Adds what was found of some sequences to what is known of those before.
pub(super) fn merge(
    results: Vec<(Observed, BatchStatistics)>,
    options: &MeasureOptions,
    layers: &mut [LayerStatistics],
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
            Observed::Span(layer, span) => (layer, span),
            Observed::Tap(layer, tap) => {
                // What a block writes, the next one reads: one measurement serves both.
                if let (Tap::Output, true, Some(next)) =
                    (tap, shares_residual, layers.get_mut(layer + 1))
                {
                    let taps = &mut next.taps;
                    taps.entry(Tap::Input).or_default().merge(sequences.clone());
                }
                let Some(measured) = layers.get_mut(layer) else {
                    continue;
                };
                measured.taps.entry(tap).or_default().merge(sequences);
                (layer, 1)
            }
        };
        if let Some(measured) = layers.get_mut(layer)
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
