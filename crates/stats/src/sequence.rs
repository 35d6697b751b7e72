//! One sequence at one tap of one layer.

use serde::{Deserialize, Serialize};

use crate::{Histogram, Moments};

/// An exact count of elements near zero, which answers for its own threshold and for no other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BelowEpsilon {
    /// The threshold ε, in the activation's own units.
    pub epsilon: f64,
    /// Finite elements with |a| < ε.
    pub count: u64,
}

/// Statistics of one sequence: what a kernel returns. Padding never enters, and NaN and infinities
/// are counted but enter nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SequenceStatistics {
    /// Real tokens.
    pub tokens: u32,
    /// Moments over all finite elements.
    pub moments: Moments,
    /// Pooled means: for each channel the mean over the sequence's tokens.
    pub channel_mean: Vec<f64>,
    /// Unbiased variance over channels of the pooled means; 0 for a single channel.
    pub pooled_variance: f64,
    /// Sum, over channels, of the squared deviations from the channel's own mean.
    pub channel_m2: f64,
    /// Largest finite magnitude.
    pub max_abs: f64,
    /// Elements that are not a number.
    pub nan: u64,
    /// Infinite elements.
    pub inf: u64,
    /// Finite elements below the absolute threshold asked for, if one was.
    pub below_epsilon: Option<BelowEpsilon>,
    /// Magnitudes of the finite elements.
    pub histogram: Histogram,
}
