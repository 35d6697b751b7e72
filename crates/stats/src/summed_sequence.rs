//! One sequence with its histogram summed up.

use crate::{CumulativeHistogram, SequenceStatistics};

/// One sequence, ready for many questions. A clone costs next to nothing.
#[derive(Debug, Clone)]
pub struct SummedSequence<'a> {
    pub(crate) statistics: &'a SequenceStatistics,
    pub(crate) magnitudes: CumulativeHistogram,
}

impl<'a> SummedSequence<'a> {
    /// Sums up the sequence's histogram.
    pub fn of(statistics: &'a SequenceStatistics) -> Self {
        Self {
            statistics,
            magnitudes: statistics.histogram.cumulative(),
        }
    }
}
