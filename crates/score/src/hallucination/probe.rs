//! The mass-mean probe: the difference of the class means as a direction (Marks and Tegmark, arXiv 2310.06824).

use std::collections::BTreeMap;

use layerlab_stats::TapStatistics;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::auroc::Ordered;

/// The fold of each pair: pairs of one question share theirs.
pub(super) fn folds(questions: &[&str], count: usize, seed: u64) -> Vec<usize> {
    let mut distinct: Vec<&str> = questions.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let count = count.clamp(2, distinct.len().max(2));
    let fold_of: BTreeMap<&str, usize> = distinct
        .into_iter()
        .enumerate()
        .map(|(place, question)| (question, place % count))
        .collect();
    questions.iter().map(|question| fold_of[question]).collect()
}

/// Projections of all answers on directions that were made without their questions.
pub(super) struct Probe(Ordered);

impl Probe {
    /// Of the mean hidden states over answer tokens.
    pub fn of(factual: &TapStatistics, hallucinated: &TapStatistics, folds: &[usize]) -> Self {
        Self::shuffled(factual, hallucinated, folds, &vec![false; folds.len()])
    }

    /// The same where the sides of some pairs are swapped.
    pub fn shuffled(
        factual: &TapStatistics,
        hallucinated: &TapStatistics,
        folds: &[usize],
        swap: &[bool],
    ) -> Self {
        let state = |pair: usize, is_hallucinated: bool| {
            let side = match is_hallucinated != swap[pair] {
                true => hallucinated,
                false => factual,
            };
            &side.sequences[pair].channel_mean
        };
        let channels = factual
            .sequences
            .first()
            .map_or(0, |first| first.channel_mean.len());
        let count = folds.iter().max().map_or(0, |last| last + 1);
        // Sums by fold, so that a direction is all sums less those of its fold.
        let mut sums = vec![[vec![0.0; channels], vec![0.0; channels]]; count];
        let mut sizes = vec![0usize; count];
        for (pair, &fold) in folds.iter().enumerate() {
            sizes[fold] += 1;
            for side in [false, true] {
                let sum = &mut sums[fold][usize::from(side)];
                for (sum, value) in sum.iter_mut().zip(state(pair, side)) {
                    *sum += value;
                }
            }
        }
        let mut projections = Vec::with_capacity(2 * folds.len());
        for (fold, size) in sizes.iter().enumerate() {
            let rest = folds.len() - size;
            if rest == 0 {
                continue;
            }
            let mean = |side: usize, channel: usize| {
                let others = sums.iter().enumerate().filter(|(other, _)| *other != fold);
                others.map(|(_, sums)| sums[side][channel]).sum::<f64>() / rest as f64
            };
            let (mut direction, mut middle) = (Vec::with_capacity(channels), 0.0);
            for channel in 0..channels {
                let (factual, hallucinated) = (mean(0, channel), mean(1, channel));
                direction.push(factual - hallucinated);
                middle += (factual - hallucinated) * (factual + hallucinated) / 2.0;
            }
            for (pair, _) in folds.iter().enumerate().filter(|(_, of)| **of == fold) {
                for side in [false, true] {
                    let terms = direction.iter().zip(state(pair, side));
                    let projection = terms.map(|(a, b)| a * b).sum::<f64>() - middle;
                    projections.push((projection, pair, side));
                }
            }
        }
        Self(Ordered::of(projections))
    }

    /// The probability that the projection of a factual answer lies above that of a hallucinated one.
    pub fn auroc(&self, draw: &[u32]) -> Option<f64> {
        self.0.auroc(draw)
    }
}
