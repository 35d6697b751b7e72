//! By how much each pair of channels is turned.

use burn::tensor::{Device, Tensor, TensorData};

/// Cosines and sines of the angles of one batch, times the factor by which what is turned grows, each `[batch, 1, tokens, pairs]`.
#[derive(Debug, Clone)]
pub struct Rotation {
    cosines: Tensor<4>,
    sines: Tensor<4>,
}

impl Rotation {
    /// Of `angles` in radians, `[batch, tokens, pairs]`, row after row; what is turned keeps its length.
    pub fn new(angles: &[f64], shape: [usize; 2], device: &Device) -> Self {
        Self::growing(angles, 1.0, shape, device)
    }

    /// The same where what is turned is multiplied by `factor` besides.
    pub fn growing(
        angles: &[f64],
        factor: f64,
        [batch, tokens]: [usize; 2],
        device: &Device,
    ) -> Self {
        let pairs = angles.len() / (batch * tokens).max(1);
        let [cosines, sines] = [f64::cos, f64::sin].map(|function: fn(f64) -> f64| {
            let values = angles
                .iter()
                .map(|angle| (function(*angle) * factor) as f32);
            let values: Vec<f32> = values.collect();
            let values = TensorData::new(values, [batch, 1, tokens, pairs]);
            Tensor::from_data(values, device)
        });
        Self { cosines, sines }
    }

    /// Cosines and sines.
    pub(super) fn tensors(&self) -> (Tensor<4>, Tensor<4>) {
        (self.cosines.clone(), self.sines.clone())
    }
}
