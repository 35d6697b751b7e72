//! One decoder without different blocks in turn: passes that begin alike share what they share.

use std::collections::BTreeSet;

use burn::tensor::Tensor;

use super::{batch::TokenBatch, model::Decoder, observe::NoObserver, stream::Stream};
use crate::ModelError;

/// Sets of blocks that a decoder is to do without, each in turn. They are passed in the order of the blocks that they keep, so
/// that neighbours have the longest beginnings in common.
#[derive(Debug, Clone)]
pub struct Cuts {
    layers: usize,
    cuts: Vec<Cut>,
}

#[derive(Debug, Clone)]
struct Cut {
    /// Its place among those that were asked for.
    place: usize,
    /// The blocks that stay.
    kept: Vec<usize>,
    /// Behind how many of them later cuts leave it, ascending. The last one is where the next cut does.
    branches: Vec<usize>,
}

impl Cuts {
    /// Of a decoder with so many blocks.
    ///
    /// # Errors
    /// When there is no such block, or none would be left.
    pub fn new(layers: usize, removed: &[BTreeSet<usize>]) -> Result<Self, ModelError> {
        let cuts = removed.iter().enumerate().map(|(place, removed)| {
            Ok(Cut {
                place,
                kept: stays(layers, removed)?,
                branches: Vec::new(),
            })
        });
        let mut cuts: Vec<Cut> = cuts.collect::<Result<_, ModelError>>()?;
        cuts.sort_by(|a, b| a.kept.cmp(&b.kept));
        for index in (1..cuts.len()).rev() {
            let (before, after) = cuts.split_at_mut(index);
            let (Some(cut), Some(next)) = (before.last_mut(), after.first()) else {
                continue;
            };
            let pairs = cut.kept.iter().zip(&next.kept);
            let common = pairs.take_while(|(a, b)| a == b).count();
            let later = next.branches.iter().copied();
            cut.branches = later.filter(|branch| *branch < common).collect();
            cut.branches.push(common);
        }
        Ok(Self { layers, cuts })
    }

    /// The whole decoder alone.
    pub fn whole(layers: usize) -> Self {
        let cut = Cut {
            place: 0,
            kept: (0..layers).collect(),
            branches: Vec::new(),
        };
        Self {
            layers,
            cuts: vec![cut],
        }
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.cuts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cuts.is_empty()
    }

    /// Their places among those that were asked for, in the order in which they are passed.
    pub fn order(&self) -> impl Iterator<Item = usize> {
        self.cuts.iter().map(|cut| cut.place)
    }

    /// The decoder by each cut, with its place among those that were asked for, in the order in which they are passed. No weight is
    /// copied.
    ///
    /// # Errors
    /// When they are of a decoder with more or fewer blocks.
    pub fn views(
        &self,
        decoder: &Decoder,
    ) -> Result<impl Iterator<Item = (usize, Decoder)>, ModelError> {
        self.check(decoder)?;
        let cuts = self.cuts.iter();
        Ok(cuts.map(|cut| (cut.place, decoder.with_blocks(&cut.kept))))
    }

    fn check(&self, decoder: &Decoder) -> Result<(), ModelError> {
        let layers = decoder.spec().layers();
        match self.layers == layers {
            true => Ok(()),
            false => Err(ModelError::NoSuchLayer {
                layer: self.layers.max(layers) - 1,
                layers: self.layers.min(layers),
            }),
        }
    }

    /// Blocks that one sequence is passed through for all of them.
    pub fn passes(&self) -> usize {
        let before = std::iter::once(0).chain(self.cuts.iter().map(Cut::shared));
        let cuts = self.cuts.iter().zip(before);
        cuts.map(|(cut, before)| cut.kept.len() - before).sum()
    }

    /// What these would be, were every cut passed from the first block on.
    pub fn plain_passes(&self) -> usize {
        self.cuts.iter().map(|cut| cut.kept.len()).sum()
    }
}

impl Cut {
    /// How many blocks the next cut has in common with it at the beginning; 0 for the last.
    fn shared(&self) -> usize {
        self.branches.last().copied().unwrap_or(0)
    }
}

/// The blocks that stay without some of so many.
pub(super) fn stays(layers: usize, removed: &BTreeSet<usize>) -> Result<Vec<usize>, ModelError> {
    if let Some(&layer) = removed.iter().find(|layer| **layer >= layers) {
        return Err(ModelError::NoSuchLayer { layer, layers });
    }
    if removed.len() == layers {
        return Err(ModelError::NoLayerLeft { layers });
    }
    let stays = |layer: &usize| !removed.contains(layer);
    Ok((0..layers).filter(stays).collect())
}

/// A batch on its way through a decoder by every cut in turn. Of streams no more are held than places where a later cut leaves
/// the one that is passed: at most as many as there are blocks.
pub struct CutPass<'a> {
    decoder: &'a Decoder,
    cuts: std::slice::Iter<'a, Cut>,
    /// Behind so many blocks that the next cut keeps as well, the deepest last.
    streams: Vec<(usize, Stream)>,
}

impl<'a> CutPass<'a> {
    /// Before the first cut.
    ///
    /// # Errors
    /// When the cuts are of a decoder with more or fewer blocks, an id is outside the vocabulary, or the text is longer than the
    /// trained positions.
    pub fn begin(
        decoder: &'a Decoder,
        cuts: &'a Cuts,
        batch: &TokenBatch,
    ) -> Result<Self, ModelError> {
        cuts.check(decoder)?;
        Ok(Self {
            streams: vec![(0, decoder.begin(batch)?)],
            decoder,
            cuts: cuts.cuts.iter(),
        })
    }

    /// Hidden states `[batch, tokens, channels]` after the final norm, of the next cut in [`Cuts::order`]; none after the last.
    ///
    /// # Errors
    /// Never, as long as cuts and decoder belong together.
    pub fn advance(&mut self) -> Result<Option<Tensor<3>>, ModelError> {
        let (Some(cut), Some((depth, stream))) = (self.cuts.next(), self.streams.pop()) else {
            return Ok(None);
        };
        let mut stream = stream;
        for behind in depth..=cut.kept.len() {
            // Also where it came from, if another cut leaves there.
            if cut.branches.contains(&behind) {
                self.streams.push((behind, stream.clone()));
            }
            if let Some(&block) = cut.kept.get(behind) {
                stream = self.decoder.advance(stream, block, &mut NoObserver)?;
            }
        }
        Ok(Some(self.decoder.finish(stream)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(removed: &[&[usize]]) -> Cuts {
        let removed = removed.iter().map(|set| set.iter().copied().collect());
        Cuts::new(6, &removed.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn neighbours_share_the_most() {
        // Kept: 012345, 01245, 0123, 01235 and 12345.
        let cuts = cuts(&[&[], &[3], &[4, 5], &[4], &[0]]);
        assert_eq!(cuts.order().collect::<Vec<_>>(), [2, 0, 3, 1, 4]);
        let branches = cuts.cuts.iter().map(|cut| cut.branches.clone());
        let expected: [&[usize]; 5] = [&[0, 3, 4], &[0, 3, 4], &[0, 3], &[0], &[]];
        assert_eq!(branches.collect::<Vec<_>>(), expected);
        // 0123, 45, 5, 45, 12345.
        assert_eq!((cuts.passes(), cuts.plain_passes()), (14, 25));
    }

    #[test]
    fn equal_cuts_are_passed_once() {
        let cuts = cuts(&[&[2], &[2]]);
        assert_eq!((cuts.passes(), cuts.plain_passes()), (5, 10));
    }
}
