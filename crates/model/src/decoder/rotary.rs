//! Rotary position embedding (RoFormer, arXiv 2104.09864): the angles.

use super::positions::Positions;
use crate::spec::RotarySpec;

/// By how much, in radians, each pair of channels of each new token is turned, `[batch, tokens, dimensions / 2]`.
pub(super) fn angles(spec: &RotarySpec, positions: &Positions) -> Vec<f64> {
    let frequencies = spec.frequencies(positions.length());
    // The angle is a product in f32, as transformers computes it: at far positions its
    // rounding is part of what the model was trained with.
    let of = |position: usize| {
        let frequencies = frequencies.iter();
        frequencies.map(move |frequency| f64::from(position as f32 * *frequency as f32))
    };
    positions.of_queries().flat_map(of).collect()
}
