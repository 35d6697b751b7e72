//! Statistics of answers alone: factual and hallucinated ones through the same kernels.

use std::collections::BTreeSet;

use burn::tensor::{Int, Tensor, TensorData};
use layerlab_eval::{Continued, TokenPair};
use layerlab_kernels::{BatchStatistics, Recorder};
use layerlab_model::{Decoder, Observer, PaddingSide, Parting, TokenBatch, each_part};
use layerlab_stats::{Epsilon, ModelStatistics, SequenceStatistics, Tap};
use serde::{Deserialize, Serialize};

use crate::{LabError, Progress, Run};

/// Tokens per forward pass, padding included.
const TOKENS_AT_ONCE: usize = 1024;

/// Statistics over answer tokens of both sides, one sequence for each answer in the order of the pairs.
#[derive(Serialize, Deserialize)]
pub(crate) struct MeasuredPairs {
    pub factual: ModelStatistics,
    pub hallucinated: ModelStatistics,
}

/// Passes both sides of all pairs through the decoder.
pub(super) async fn measure_pairs(
    decoder: &Decoder,
    pairs: &[TokenPair],
    taps: &BTreeSet<Tap>,
    epsilon: Epsilon,
    run: &mut Run<'_>,
) -> Result<MeasuredPairs, LabError> {
    let total = 2 * pairs.len();
    let side = |side: fn(&TokenPair) -> &Continued| pairs.iter().map(side).collect();
    let mut place = PairTurn {
        done: 0,
        total,
        taps,
        epsilon,
    };
    let factual: Vec<&Continued> = side(|pair| &pair.factual);
    let factual = place.measure(decoder, &factual, run).await?;
    let hallucinated: Vec<&Continued> = side(|pair| &pair.hallucinated);
    let hallucinated = place.measure(decoder, &hallucinated, run).await?;
    Ok(MeasuredPairs {
        factual,
        hallucinated,
    })
}

struct PairTurn<'a> {
    done: usize,
    total: usize,
    taps: &'a BTreeSet<Tap>,
    epsilon: Epsilon,
}

impl PairTurn<'_> {
    async fn measure(
        &mut self,
        decoder: &Decoder,
        answers: &[&Continued],
        run: &mut Run<'_>,
    ) -> Result<ModelStatistics, LabError> {
        let layers = decoder.spec().layers();
        // Neighbours in length waste little on padding.
        let mut order: Vec<usize> = (0..answers.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(answers[index].ids.len()));
        let mut found: Vec<Vec<(usize, Tap, SequenceStatistics)>> = vec![Vec::new(); answers.len()];
        let device = decoder.device();
        let parting = Parting::of(TOKENS_AT_ONCE, &device);
        let mut rest = &order[..];
        while !rest.is_empty() {
            let (mut parts, left) = parting.next_parts(rest, |index| answers[index].ids.len());
            rest = left;
            let results = each_part(&device, &mut parts, async |part| {
                let answers: Vec<&Continued> = part.iter().map(|&index| answers[index]).collect();
                self.measure_together(decoder, &answers).await
            })
            .await?;
            for (part, results) in parts.iter().zip(results) {
                for ((layer, tap), result) in results {
                    for (&index, statistics) in part.iter().zip(result.sequences) {
                        found[index].push((layer, tap, statistics));
                    }
                }
                self.done += part.len();
            }
            let (sequences, total) = (self.done, self.total);
            run.step(Progress::Measuring { sequences, total }).await?;
        }
        let mut statistics = ModelStatistics::new(layers);
        for (layer, tap, of_answer) in found.into_iter().flatten() {
            let taps = &mut statistics.layers[layer].taps;
            taps.entry(tap).or_default().sequences.push(of_answer);
        }
        Ok(statistics)
    }

    /// Statistics of answers that are passed together, by layer and tap.
    async fn measure_together(
        &self,
        decoder: &Decoder,
        answers: &[&Continued],
    ) -> Result<Vec<((usize, Tap), BatchStatistics)>, LabError> {
        let read: Vec<&[u32]> = answers.iter().map(|answer| &answer.ids[..]).collect();
        let batch = TokenBatch::new(&read, PaddingSide::Right)?;
        let [rows, tokens] = batch.shape();
        let mut mask = vec![0i32; rows * tokens];
        for (mask, answer) in mask.chunks_mut(tokens).zip(answers) {
            mask[answer.start..answer.ids.len()].fill(1);
        }
        let mask = TensorData::new(mask, [rows, tokens]);
        let mut observer = AnswerObserver {
            taps: self.taps,
            epsilon: self.epsilon,
            recorder: Recorder::new(
                Tensor::from_data(mask, &decoder.device()),
                self.taps.len() * decoder.spec().layers(),
            ),
            places: Vec::new(),
        };
        decoder.hidden_states(&batch, None, &mut observer)?;
        let results = observer.recorder.collect().await?;
        Ok(observer.places.into_iter().zip(results).collect())
    }
}

/// Starts a measurement over answer tokens at every wanted tap, and waits for none of them.
struct AnswerObserver<'a> {
    taps: &'a BTreeSet<Tap>,
    epsilon: Epsilon,
    /// Of the tokens of answers alone.
    recorder: Recorder,
    places: Vec<(usize, Tap)>,
}

impl Observer for AnswerObserver<'_> {
    fn wants(&self, _layer: usize, tap: Tap) -> bool {
        self.taps.contains(&tap)
    }

    fn observe(&mut self, layer: usize, tap: Tap, hidden: Tensor<3>, _mask: &Tensor<2, Int>) {
        let epsilon = self.epsilon.absolute();
        self.places.push((layer, tap));
        self.recorder.measure(hidden, None, epsilon);
    }
}
