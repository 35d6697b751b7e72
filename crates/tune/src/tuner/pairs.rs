//! Pairs of answers as a training reads them.

use layerlab_eval::{Continued, TokenPair};
use layerlab_model::{Decoder, ModelError, Target};

use crate::prefix::Prefix;

/// Pairs whose lower layers are passed: factual answers at even places, hallucinated ones at odd places.
pub(super) struct Pairs {
    pub starts: Vec<usize>,
    pub prefix: Prefix,
    /// What follows the last token that is read.
    last: Vec<u32>,
}

impl Pairs {
    pub async fn of(
        decoder: &Decoder,
        layer: usize,
        pairs: &[TokenPair],
    ) -> Result<Self, ModelError> {
        let sides = pairs
            .iter()
            .flat_map(|pair| [&pair.factual, &pair.hallucinated]);
        let sides: Vec<&Continued> = sides.collect();
        // The last token is only predicted, never read.
        let read = sides
            .iter()
            .map(|side| side.ids[..side.ids.len() - 1].to_vec());
        Ok(Self {
            starts: sides.iter().map(|side| side.start).collect(),
            last: sides
                .iter()
                .filter_map(|side| side.ids.last().copied())
                .collect(),
            prefix: Prefix::of(decoder, layer, read.collect()).await?,
        })
    }

    pub fn len(&self) -> usize {
        self.prefix.len() / 2
    }

    /// Places of the sides of chosen pairs, all factual ones first.
    pub fn sides(chosen: &[usize]) -> Vec<usize> {
        let factual = chosen.iter().map(|pair| 2 * pair);
        let hallucinated = chosen.iter().map(|pair| 2 * pair + 1);
        factual.chain(hallucinated).collect()
    }

    /// The answer tokens of the sides, each predicted by the one before it.
    pub fn targets(&self, sides: &[usize]) -> Vec<Target> {
        let rows = sides.iter().enumerate().flat_map(|(row, &side)| {
            let read = self.prefix.sequence(side);
            let start = self.starts[side];
            let tokens = read.iter().skip(start).chain([&self.last[side]]);
            tokens.enumerate().map(move |(place, &token)| Target {
                row,
                position: start - 1 + place,
                token,
            })
        });
        rows.collect()
    }
}
