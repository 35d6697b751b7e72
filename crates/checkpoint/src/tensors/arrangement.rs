//! The order in which a file holds the values of a tensor, where it is not that of Hugging Face.

/// How the values of a tensor lie in their file. Safetensors files have them as they are asked for; GGUF files have some of
/// them otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Arrangement {
    /// As they are asked for.
    #[default]
    AsIs,
    /// Within each of `heads` groups of rows, rows of the first and of the second half by turns: llama.cpp turns channels
    /// that lie side by side, Hugging Face those of the two halves of a head.
    HalvesByTurns {
        /// Groups of rows.
        heads: usize,
    },
    /// Rows of the queries of all heads, of all keys, of all values, where query, key and value of head after head are asked
    /// for.
    Thirds {
        /// Heads.
        heads: usize,
    },
    /// `[outputs, inputs]`, where `[inputs, outputs]` is asked for.
    Transposed,
    /// One more than is asked for.
    PlusOne,
}

impl Arrangement {
    /// Rows that stay together, of so many in all; none where rows are not moved.
    pub(super) fn group(self, rows: usize) -> Option<usize> {
        match self {
            Self::HalvesByTurns { heads } => Some(rows / heads.max(1)),
            Self::Thirds { heads } => Some(rows / heads.saturating_mul(3).max(1)),
            _ => None,
        }
    }

    /// Whether so many rows can lie so.
    pub(crate) fn fits(self, rows: usize) -> bool {
        match self {
            Self::HalvesByTurns { heads } => {
                heads > 0 && rows.is_multiple_of(heads.saturating_mul(2))
            }
            Self::Thirds { heads } => heads > 0 && rows.is_multiple_of(heads.saturating_mul(3)),
            _ => true,
        }
    }

    /// In which row of the file row `row` of `rows` lies.
    pub(crate) fn source(self, row: usize, rows: usize) -> usize {
        let size = self.group(rows).unwrap_or(rows).max(1);
        let (group, within) = (row / size, row % size);
        match self {
            Self::HalvesByTurns { .. } => {
                let half = (size / 2).max(1);
                group * size + within % half * 2 + within / half
            }
            Self::Thirds { heads } => (group % 3 * heads + group / 3) * size + within,
            _ => row,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_somewhere_once() {
        for arrangement in [
            Arrangement::AsIs,
            Arrangement::HalvesByTurns { heads: 3 },
            Arrangement::Thirds { heads: 2 },
        ] {
            let mut places: Vec<usize> = (0..24).map(|row| arrangement.source(row, 24)).collect();
            places.sort_unstable();
            assert!(places.into_iter().eq(0..24), "{arrangement:?}");
        }
    }

    #[test]
    fn halves_and_thirds_are_told_apart() {
        let places = |arrangement: Arrangement, rows| -> Vec<usize> {
            (0..rows).map(|row| arrangement.source(row, rows)).collect()
        };
        let halves = Arrangement::HalvesByTurns { heads: 2 };
        assert_eq!(places(halves, 8), [0, 2, 1, 3, 4, 6, 5, 7]);
        let thirds = Arrangement::Thirds { heads: 2 };
        assert_eq!(places(thirds, 6), [0, 2, 4, 1, 3, 5]);
        assert!(!halves.fits(6) && !thirds.fits(8));
    }
}
