//! Activation statistics as plain, mergeable numbers: no tensors, no Burn.
//!
//! Kernels turn an activation into a [`SequenceStatistics`] per sequence; everything else (any
//! estimator of the variance, the sparsity at any threshold, a bootstrap over sequences) is computed
//! from those, without running the model again.

mod drawn;
mod estimator;
mod histogram;
mod model;
mod moments;
mod pair;
pub mod reference;
mod resample;
mod sequence;
mod summed;
mod summed_sequence;
mod tap;
mod tap_statistics;

pub use drawn::Sparsity;
pub use estimator::{Epsilon, Estimator, ParseError};
pub use histogram::{BINS, CumulativeHistogram, Histogram, HistogramPlace};
pub use model::{LayerStatistics, ModelStatistics};
pub use moments::Moments;
pub use pair::{PairStatistics, SequencePair};
pub use resample::{FEW_UNITS, MOST_RESAMPLES, Resamples, percentile_interval};
pub use sequence::{BelowEpsilon, SequenceStatistics};
pub use summed::SummedTap;
pub use summed_sequence::SummedSequence;
pub use tap::Tap;
pub use tap_statistics::TapStatistics;
