//! Gaps that removed blocks leave.

use std::{collections::BTreeSet, ops::RangeInclusive};

use crate::HealError;

/// Blocks that were removed next to each other, and the block that stays before them; both as the whole model counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The block before.
    pub before: usize,
    /// The blocks removed.
    pub removed: RangeInclusive<usize>,
}

impl Gap {
    /// The place of the block before among those that stay.
    pub fn place(&self, removed: &BTreeSet<usize>) -> usize {
        self.before - removed.range(..self.before).count()
    }
}

/// The gaps, from the first to the last.
///
/// # Errors
/// When there is nothing before one.
pub fn gaps(removed: &BTreeSet<usize>) -> Result<Vec<Gap>, HealError> {
    let mut gaps: Vec<Gap> = Vec::new();
    for &layer in removed {
        match gaps.last_mut() {
            Some(gap) if *gap.removed.end() + 1 == layer => {
                gap.removed = *gap.removed.start()..=layer;
            }
            _ => gaps.push(Gap {
                before: layer.checked_sub(1).ok_or(HealError::NothingBefore)?,
                removed: layer..=layer,
            }),
        }
    }
    Ok(gaps)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn neighbours_are_one_gap() {
        let removed = BTreeSet::from([2, 3, 5, 7, 8, 9]);
        let found = gaps(&removed).unwrap();
        let before: Vec<usize> = found.iter().map(|gap| gap.before).collect();
        assert_eq!(before, [1, 4, 6]);
        assert_eq!(found[2].removed, 7..=9);
        let places: Vec<usize> = found.iter().map(|gap| gap.place(&removed)).collect();
        assert_eq!(places, [1, 2, 3]);
        assert!(matches!(
            gaps(&BTreeSet::from([0, 1])),
            Err(HealError::NothingBefore)
        ));
        assert!(gaps(&BTreeSet::new()).unwrap().is_empty());
    }
}
