//! Which layers get more bits at a given size.

use layerlab_model::tensors::StoredType;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// The type that layers give up for others to get more, and for which the loss is measured.
pub(super) const COARSE: StoredType = StoredType::Q4_0;
/// The type of all layers at the size that is allowed.
pub(super) const EVEN: StoredType = StoredType::Q5_0;
/// The type of layers that get more.
pub(super) const FINE: StoredType = StoredType::Q8_0;
/// Layers that must be coarse for one to be fine, at the same size: blocks of 32 values take 18, 22 and 34 bytes.
const PAYING: usize = 3;

/// What the change of the loss is multiplied by where a layer has another type than [`COARSE`]: with each bit, the step of a
/// quantizer halves and the variance of its error is a quarter (Bennett 1948, doi 10.1002/j.1538-7305.1948.tb01340.x), and the loss
/// rises with that variance where it is at a minimum.
fn share(stored: StoredType) -> f64 {
    match stored {
        COARSE => 1.0,
        EVEN => 0.25,
        _ => 0.25f64.powi(4),
    }
}

/// How many layers are coarse, how many even and how many fine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    fine: usize,
    layers: usize,
}

impl Counts {
    /// Those of the least loss by the changes that were measured of each layer in [`COARSE`], no larger than if all layers were
    /// [`EVEN`]. A change below 0 is taken for none. No layer is fine where nothing is gained by it.
    pub fn of(changes: &[f64]) -> Self {
        let layers = changes.len();
        let mut sorted: Vec<f64> = changes.iter().map(|change| change.max(0.0)).collect();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let loss = |counts: Self| -> f64 {
            let types = sorted.iter().zip(counts.types());
            types.map(|(change, stored)| change * share(stored)).sum()
        };
        let all = (0..=layers / (PAYING + 1)).map(|fine| Self { fine, layers });
        let best = all.min_by(|a, b| loss(*a).total_cmp(&loss(*b)));
        best.unwrap_or(Self { fine: 0, layers })
    }

    /// Types from the finest to the coarsest, one for each layer.
    fn types(self) -> impl Iterator<Item = StoredType> {
        let coarse = PAYING * self.fine;
        (0..self.layers).map(move |place| match place {
            place if place < self.fine => FINE,
            place if place + coarse >= self.layers => COARSE,
            _ => EVEN,
        })
    }

    /// Types of layers, the first of `order` the finest.
    fn by_order(self, order: &[usize]) -> Vec<StoredType> {
        let mut types = vec![EVEN; self.layers];
        for (layer, stored) in order.iter().zip(self.types()) {
            types[*layer] = stored;
        }
        types
    }

    /// The layers that lose most get most.
    pub fn by_change(self, changes: &[f64]) -> Vec<StoredType> {
        self.by_order(&falling(changes))
    }

    /// The layers that lose least get most: what the measurement is worth shows in how much worse this is.
    pub fn reversed(self, changes: &[f64]) -> Vec<StoredType> {
        let mut order = falling(changes);
        order.reverse();
        self.by_order(&order)
    }

    /// The layers at both ends get most, as is often done unmeasured.
    pub fn by_ends(self) -> Vec<StoredType> {
        let mut order: Vec<usize> = (0..self.layers).collect();
        order.sort_by_key(|layer| (*layer).min(self.layers - 1 - layer));
        self.by_order(&order)
    }

    /// Chance decides.
    pub fn by_chance(self, seed: u64) -> Vec<StoredType> {
        let mut order: Vec<usize> = (0..self.layers).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        self.by_order(&order)
    }

    /// Whether all layers are alike.
    pub fn is_even(self) -> bool {
        self.fine == 0
    }
}

/// Layers by falling change; of equals the first comes first.
fn falling(changes: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..changes.len()).collect();
    order.sort_by(|a, b| changes[*b].total_cmp(&changes[*a]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(types: &[StoredType]) -> usize {
        let bytes = types.iter().filter_map(|stored| stored.block());
        bytes.map(|block| block.bytes).sum()
    }

    /// The least loss of all ways there are, found by trying them.
    fn least(changes: &[f64]) -> f64 {
        let most = 22 * changes.len();
        let all = 3usize.pow(changes.len() as u32);
        let ways = (0..all).map(|way| {
            let types = (0..changes.len() as u32)
                .map(|place| [COARSE, EVEN, FINE][way / 3usize.pow(place) % 3]);
            types.collect::<Vec<_>>()
        });
        let fits = ways.filter(|types| bytes(types) <= most);
        let losses = fits.map(|types| loss(changes, &types));
        losses.fold(f64::INFINITY, f64::min)
    }

    fn loss(changes: &[f64], types: &[StoredType]) -> f64 {
        let types = changes.iter().zip(types);
        types.map(|(change, stored)| change * share(*stored)).sum()
    }

    #[test]
    fn no_other_way_of_the_size_loses_less() {
        for changes in [
            vec![1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            vec![9.0, 0.1, 0.1, 0.2, 0.1, 7.0, 0.3, 0.2],
            vec![0.1, 0.2, 0.1, 30.0, 1.0],
            vec![0.01, 8.0, 0.02],
            vec![0.5],
        ] {
            let counts = Counts::of(&changes);
            let types = counts.by_change(&changes);
            assert!(bytes(&types) <= 22 * changes.len());
            assert!(
                (loss(&changes, &types) - least(&changes)).abs() < 1e-12,
                "{changes:?}"
            );
        }
    }

    #[test]
    fn all_choices_are_of_one_size() {
        let changes = [9.0, 0.1, 0.1, 0.2, 0.1, 7.0, 0.3, 0.2, 0.1];
        let counts = Counts::of(&changes);
        assert!(!counts.is_even());
        let first = counts.by_change(&changes);
        assert_eq!((first[0], first[5]), (FINE, FINE));
        let ends = counts.by_ends();
        assert_eq!((ends[0], ends[8], ends[4]), (FINE, FINE, COARSE));
        for other in [ends, counts.reversed(&changes), counts.by_chance(0)] {
            assert_eq!(bytes(&other), bytes(&first));
            assert_ne!(other, first);
        }
        assert_eq!(counts.by_chance(3), counts.by_chance(3));
    }
}
