//! Rotary position embedding (RoFormer, arXiv 2104.09864) and its scalings: the angles.

use std::f64::consts::TAU;

use super::positions::Positions;
use crate::spec::{RotaryScaling, RotarySpec};

/// By how much, in radians, each pair of channels of each new token is turned, `[batch, tokens, dimensions / 2]`.
pub(super) fn angles(spec: &RotarySpec, positions: &Positions) -> Vec<f64> {
    let frequencies = frequencies(spec, positions.length());
    // The angle is a product in f32, as transformers computes it: at far positions its
    // rounding is part of what the model was trained with.
    let of = |position: usize| {
        let frequencies = frequencies.iter();
        frequencies.map(move |frequency| f64::from(position as f32 * *frequency as f32))
    };
    positions.of_queries().flat_map(of).collect()
}

/// Radians per token of each pair of channels, for a text of `length` tokens.
fn frequencies(spec: &RotarySpec, length: usize) -> Vec<f64> {
    let dimensions = spec.dimensions as f64;
    let theta = match spec.scaling {
        RotaryScaling::Dynamic {
            factor,
            original_context,
        } if length > original_context => {
            let growth = factor * length as f64 / original_context as f64 - (factor - 1.0);
            spec.theta * growth.powf(dimensions / (dimensions - 2.0))
        }
        _ => spec.theta,
    };
    (0..spec.dimensions / 2)
        .map(|pair| {
            let frequency = theta.powf(-(2.0 * pair as f64) / dimensions);
            match spec.scaling {
                RotaryScaling::None | RotaryScaling::Dynamic { .. } => frequency,
                RotaryScaling::Linear { factor } => frequency / factor,
                RotaryScaling::Llama3 {
                    factor,
                    low_frequency,
                    high_frequency,
                    original_context,
                } => {
                    // Turns made within the original context: few turns, low frequency.
                    let turns = original_context as f64 * frequency / TAU;
                    let kept = ((turns - low_frequency) / (high_frequency - low_frequency))
                        .clamp(0.0, 1.0);
                    kept * frequency + (1.0 - kept) * frequency / factor
                }
            }
        })
        .collect()
}
