//! Rotary frequencies and their scalings.

use std::f64::consts::TAU;

use crate::spec::{RotaryScaling, RotarySpec};

impl RotarySpec {
    /// What rotated queries and keys are multiplied by.
    pub fn growth(&self) -> f64 {
        match self.scaling {
            RotaryScaling::LongRope {
                attention_factor, ..
            } => attention_factor,
            _ => 1.0,
        }
    }

    /// Radians per token of each pair of channels, for a text of `length` tokens.
    pub fn frequencies(&self, length: usize) -> Vec<f64> {
        let dimensions = self.dimensions as f64;
        let theta = match self.scaling {
            RotaryScaling::Dynamic {
                factor,
                original_context,
            } if length > original_context => {
                let growth = factor * length as f64 / original_context as f64 - (factor - 1.0);
                self.theta * growth.powf(dimensions / (dimensions - 2.0))
            }
            _ => self.theta,
        };
        (0..self.dimensions / 2)
            .map(|pair| {
                let frequency = theta.powf(-(2.0 * pair as f64) / dimensions);
                match &self.scaling {
                    RotaryScaling::None | RotaryScaling::Dynamic { .. } => frequency,
                    RotaryScaling::LongRope {
                        short_factors,
                        long_factors,
                        original_context,
                        ..
                    } => {
                        let factors = match length > *original_context {
                            true => long_factors,
                            false => short_factors,
                        };
                        // As many as there are pairs: the configuration's reader sees to it.
                        frequency / factors.get(pair).copied().unwrap_or(1.0)
                    }
                    RotaryScaling::Linear { factor } => frequency / factor,
                    RotaryScaling::Llama3 {
                        factor,
                        low_frequency,
                        high_frequency,
                        original_context,
                    } => {
                        // Turns made within the original context: few turns, low frequency.
                        let turns = *original_context as f64 * frequency / TAU;
                        let kept = ((turns - low_frequency) / (high_frequency - low_frequency))
                            .clamp(0.0, 1.0);
                        kept * frequency + (1.0 - kept) * frequency / factor
                    }
                }
            })
            .collect()
    }
}
