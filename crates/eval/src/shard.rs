//! One of several equal parts of some work, for machines that do one each.

use std::{fmt, ops::Range, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which of several equal parts of the sequences, items, windows or plans of an experiment. Written as `2/8`: the second of eight.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "[usize; 2]", into = "[usize; 2]")]
#[schemars(with = "[usize; 2]")]
pub struct Shard {
    /// From 1.
    index: usize,
    of: usize,
}

/// What names no shard.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected the number of a part and of all parts, such as 1/4 to 4/4")]
pub struct NoShard;

impl Shard {
    /// All there is.
    pub const WHOLE: Self = Self { index: 1, of: 1 };

    /// The `index`-th, from 1, of `of`.
    ///
    /// # Errors
    /// When there is no such part.
    pub fn new(index: usize, of: usize) -> Result<Self, NoShard> {
        match (1..=of).contains(&index) {
            true => Ok(Self { index, of }),
            false => Err(NoShard),
        }
    }

    /// Which, from 1.
    pub fn index(self) -> usize {
        self.index
    }

    /// Of how many.
    pub fn of(self) -> usize {
        self.of
    }

    /// The units that are its own, of so many in their order: as many as the others have, or one more or less. Those of all shards make
    /// up the whole.
    pub fn range(self, units: usize) -> Range<usize> {
        // In wide integers, since both may be large.
        let edge = |index: usize| (units as u128 * index as u128 / self.of as u128) as usize;
        edge(self.index - 1)..edge(self.index)
    }
}

impl TryFrom<[usize; 2]> for Shard {
    type Error = NoShard;

    fn try_from([index, of]: [usize; 2]) -> Result<Self, NoShard> {
        Self::new(index, of)
    }
}

impl From<Shard> for [usize; 2] {
    fn from(shard: Shard) -> Self {
        [shard.index, shard.of]
    }
}

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, NoShard> {
        let (index, of) = text.split_once('/').ok_or(NoShard)?;
        let number = |text: &str| text.trim().parse().map_err(|_| NoShard);
        Self::new(number(index)?, number(of)?)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.of)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_names_no_part_is_refused() {
        assert_eq!("2/8".parse(), Shard::new(2, 8));
        for wrong in ["", "2", "0/4", "5/4", "1/0", "a/4", "1/4/2", "-1/4"] {
            assert_eq!(wrong.parse::<Shard>(), Err(NoShard), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn shards_make_up_the_whole(units in 0usize..500, of in 1usize..40) {
            let mut next = 0;
            for index in 1..=of {
                let range = Shard::new(index, of).unwrap().range(units);
                prop_assert_eq!(range.start, next);
                prop_assert!((units / of..=units.div_ceil(of)).contains(&range.len()));
                next = range.end;
            }
            prop_assert_eq!(next, units);
        }
    }
}
