//! Statistics of answers alone: factual and hallucinated ones through the same kernels.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Int, Tensor, TensorData};
use layerlab_eval::{Continued, TokenPair};
use layerlab_kernels::{BatchStatistics, Recorder};
use layerlab_model::{Decoder, Observer, PaddingSide, Parting, TokenBatch, each_part};
use layerlab_score::AnswerLosses;
use layerlab_stats::{Epsilon, ModelStatistics, SequenceStatistics, Tap};
use serde::{Deserialize, Serialize};
use web_time::Instant;

use super::{LocateRequest, margin::answer_losses};
use crate::{LabError, Progress, Run};

/// Tokens per forward pass, padding included.
const TOKENS_AT_ONCE: usize = 1024;

/// What was measured of pairs, in their order.
#[derive(Serialize, Deserialize)]
pub(crate) struct MeasuredPairs {
    /// Statistics over the tokens of factual answers, one sequence for each.
    pub factual: ModelStatistics,
    /// The same of hallucinated answers.
    pub hallucinated: ModelStatistics,
    /// The same of both over as many tokens: the first of the longer answer of a pair.
    pub cut: [ModelStatistics; 2],
    /// How likely answers are, and without each layer where that was wanted.
    pub losses: AnswerLosses,
}

impl MeasuredPairs {
    /// Appends what was measured of the pairs that follow.
    pub fn append(&mut self, next: Self) {
        self.factual.merge(next.factual);
        self.hallucinated.merge(next.hallucinated);
        for (cut, next) in self.cut.iter_mut().zip(next.cut) {
            cut.merge(next);
        }
        self.losses.append(next.losses);
    }

    /// Whether its parts belong together and are of so many pairs.
    pub fn is_sound(&self, pairs: usize) -> bool {
        let [factual, hallucinated] = &self.cut;
        let layers = self.factual.layers.len();
        let all = [&self.factual, &self.hallucinated, factual, hallucinated];
        all.iter()
            .all(|side| side.is_sound(pairs) && side.layers.len() == layers)
            && self.losses.is_sound(pairs, layers)
    }
}

/// Passes both sides of all pairs through the decoder.
pub(super) async fn measure_pairs(
    decoder: &Decoder,
    pairs: &[TokenPair],
    request: &LocateRequest,
    run: &mut Run<'_>,
) -> Result<MeasuredPairs, LabError> {
    let start = Instant::now();
    let side = |side: fn(&TokenPair) -> &Continued| pairs.iter().map(side).collect();
    let factual: Vec<&Continued> = side(|pair| &pair.factual);
    let hallucinated: Vec<&Continued> = side(|pair| &pair.hallucinated);
    let [of_factual, of_hallucinated] = [
        shortened(&factual, &hallucinated),
        shortened(&hallucinated, &factual),
    ];
    let mut place = PairTurn {
        done: 0,
        total: 2 * pairs.len() + of_factual.len() + of_hallucinated.len(),
        taps: &request.taps,
        epsilon: request.contrast.epsilon,
    };
    let (whole_factual, cut_factual) = place.side(decoder, &factual, &of_factual, run).await?;
    let (whole_hallucinated, cut_hallucinated) = place
        .side(decoder, &hallucinated, &of_hallucinated, run)
        .await?;
    let seconds = start.elapsed().as_secs_f64();
    let leaves_out = request.margin_change.is_wanted(seconds, decoder.spec());
    Ok(MeasuredPairs {
        factual: whole_factual,
        hallucinated: whole_hallucinated,
        cut: [cut_factual, cut_hallucinated],
        losses: answer_losses(decoder, [&factual, &hallucinated], leaves_out, run).await?,
    })
}

/// The answers that are longer than those beside them, cut to their length, by pair.
fn shortened(side: &[&Continued], other: &[&Continued]) -> BTreeMap<usize, Continued> {
    let tokens = |answer: &Continued| answer.ids.len() - answer.start;
    let pairs = side.iter().zip(other).enumerate();
    let longer = pairs.filter(|(_, (answer, other))| tokens(answer) > tokens(other));
    longer
        .map(|(pair, (answer, other))| {
            let mut cut = (*answer).clone();
            cut.ids.truncate(answer.start + tokens(other));
            (pair, cut)
        })
        .collect()
}

/// Statistics with those of some answers in the place of their own: `short` has one for each entry of `shortened`, in their order.
fn replaced(
    statistics: &ModelStatistics,
    shortened: &BTreeMap<usize, Continued>,
    short: &ModelStatistics,
) -> ModelStatistics {
    let mut replaced = statistics.clone();
    for (layer, short) in replaced.layers.iter_mut().zip(&short.layers) {
        for (tap, of_tap) in &mut layer.taps {
            let short = short.taps.get(tap).map_or(&[][..], |tap| &tap.sequences);
            for (pair, sequence) in shortened.keys().zip(short) {
                of_tap.sequences[*pair] = sequence.clone();
            }
        }
    }
    replaced
}

struct PairTurn<'a> {
    done: usize,
    total: usize,
    taps: &'a BTreeSet<Tap>,
    epsilon: Epsilon,
}

impl PairTurn<'_> {
    /// Statistics of answers, and the same where some are cut.
    async fn side(
        &mut self,
        decoder: &Decoder,
        answers: &[&Continued],
        shortened: &BTreeMap<usize, Continued>,
        run: &mut Run<'_>,
    ) -> Result<(ModelStatistics, ModelStatistics), LabError> {
        let statistics = self.measure(decoder, answers, run).await?;
        let short: Vec<&Continued> = shortened.values().collect();
        let short = self.measure(decoder, &short, run).await?;
        let cut = replaced(&statistics, shortened, &short);
        Ok((statistics, cut))
    }

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
