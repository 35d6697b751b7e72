//! Rotary position embedding (RoFormer, arXiv 2104.09864) and its scalings.

use std::{f64::consts::TAU, sync::Arc};

use burn::tensor::{Device, Tensor, TensorData};

use super::positions::Positions;
use crate::spec::{RotaryScaling, RotarySpec};

/// Cosines and sines of one forward pass, each `[batch, 1, tokens, dimensions / 2]`.
#[derive(Clone)]
pub(super) struct Rotation {
    cosine: Tensor<4>,
    sine: Tensor<4>,
    half: usize,
    /// The same cosines and sines, for the processor.
    tables: [Arc<[f32]>; 2],
}

impl Rotation {
    /// Angles of the new tokens of a `[batch, tokens]` pass.
    pub fn new(
        spec: &RotarySpec,
        positions: &Positions,
        [batch, tokens]: [usize; 2],
        device: &Device,
    ) -> Self {
        let frequencies = frequencies(spec, positions.length());
        let half = frequencies.len();
        // The angle is a product in f32, as transformers computes it: at far positions its
        // rounding is part of what the model was trained with.
        let angles: Vec<f64> = positions
            .of_queries()
            .flat_map(|position| {
                frequencies
                    .iter()
                    .map(move |frequency| f64::from(position as f32 * *frequency as f32))
            })
            .collect();
        let table = |function: fn(f64) -> f64| -> Arc<[f32]> {
            angles.iter().map(|angle| function(*angle) as f32).collect()
        };
        let tables = [table(f64::cos), table(f64::sin)];
        let [cosine, sine] = tables.each_ref().map(|table| {
            let values = TensorData::new(table.to_vec(), [batch, 1, tokens, half]);
            Tensor::from_data(values, device)
        });
        Self {
            cosine,
            sine,
            half,
            tables,
        }
    }

    /// Pairs of channels that are rotated.
    pub fn half(&self) -> usize {
        self.half
    }

    /// Cosines and sines on the device, each `[batch, 1, tokens, half]`.
    pub fn tensors(&self) -> (&Tensor<4>, &Tensor<4>) {
        (&self.cosine, &self.sine)
    }

    /// Cosines and sines, each `[batch * tokens, half]`.
    pub fn tables(&self) -> (&[f32], &[f32]) {
        (&self.tables[0], &self.tables[1])
    }

    /// Rotates the first `dimensions` channels of `[batch, heads, tokens, head_dim]`, pairing
    /// channel `i` with `i + dimensions / 2`.
    pub fn apply(&self, heads: Tensor<4>) -> Tensor<4> {
        let head_dim = heads.dims()[3];
        let first = heads.clone().narrow(3, 0, self.half);
        let second = heads.clone().narrow(3, self.half, self.half);
        let mut parts = vec![
            first.clone() * self.cosine.clone() - second.clone() * self.sine.clone(),
            second * self.cosine.clone() + first * self.sine.clone(),
        ];
        let rotated = 2 * self.half;
        if rotated < head_dim {
            parts.push(heads.narrow(3, rotated, head_dim - rotated));
        }
        Tensor::cat(parts, 3)
    }
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
