#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]
//! Activations on every device, and what makes two findings the same.

pub mod tensors;

use std::sync::OnceLock;

use burn::tensor::{Device, DeviceKind, Int, Tensor, TensorData};
use layerlab_kernels::{BatchStatistics, Recorder};
use layerlab_stats::{SequencePair, SequenceStatistics, reference};
use pollster::block_on;

/// Relative error that every moment must keep.
pub const MOMENTS: f64 = 1e-5;
pub const EPSILON: f64 = 1e-5;

pub fn devices() -> [(&'static str, Device); 2] {
    static GPU: OnceLock<Device> = OnceLock::new();
    let gpu = GPU.get_or_init(|| Device::wgpu(DeviceKind::DefaultDevice));
    [("cpu", Device::flex()), ("wgpu", gpu.clone())]
}

/// `[batch, tokens, channels]` with a mask.
pub struct Case {
    pub shape: [usize; 3],
    pub values: Vec<f32>,
    pub mask: Vec<bool>,
}

/// A generator that every platform agrees on (xorshift64*), uniform in [0, 1).
pub struct Random(pub u64);

impl Random {
    pub fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

impl Case {
    /// Values by sequence, token and channel; every token real.
    pub fn new(shape: [usize; 3], mut value: impl FnMut(&mut Random, [usize; 3]) -> f64) -> Self {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let [batch, tokens, channels] = shape;
        let mut values = Vec::with_capacity(batch * tokens * channels);
        for sequence in 0..batch {
            for token in 0..tokens {
                for channel in 0..channels {
                    values.push(value(&mut random, [sequence, token, channel]) as f32);
                }
            }
        }
        Self {
            shape,
            values,
            mask: vec![true; batch * tokens],
        }
    }

    pub fn normal(shape: [usize; 3]) -> Self {
        Self::new(shape, |random, _| random.normal())
    }

    pub fn masked(mut self, real: impl Fn(usize, usize) -> bool) -> Self {
        let tokens = self.shape[1];
        for (index, mask) in self.mask.iter_mut().enumerate() {
            *mask = real(index / tokens, index % tokens);
        }
        self
    }

    pub fn upload(&self, device: &Device) -> (Tensor<3>, Tensor<2, Int>) {
        let [batch, tokens, _] = self.shape;
        let mask: Vec<i32> = self.mask.iter().map(|real| i32::from(*real)).collect();
        (
            Tensor::from_data(TensorData::new(self.values.clone(), self.shape), device),
            Tensor::from_data(TensorData::new(mask, [batch, tokens]), device),
        )
    }

    pub fn sequence(&self, sequence: usize) -> (&[f32], &[bool]) {
        let [_, tokens, channels] = self.shape;
        let size = tokens * channels;
        (
            &self.values[sequence * size..(sequence + 1) * size],
            &self.mask[sequence * tokens..(sequence + 1) * tokens],
        )
    }

    /// Measures on both devices and compares every figure.
    pub fn check(&self) {
        for (name, device) in devices() {
            let (hidden, mask) = self.upload(&device);
            let mut recorder = Recorder::new(mask, 1);
            recorder.measure(hidden, None, Some(EPSILON));
            let found = block_on(recorder.collect()).unwrap().remove(0);
            assert_eq!(found.sequences.len(), self.shape[0]);
            assert!(found.pairs.is_empty());
            for (index, found) in found.sequences.iter().enumerate() {
                let (values, mask) = self.sequence(index);
                let expected = reference::sequence(values, self.shape[2], mask, Some(EPSILON));
                assert_same(found, &expected, &format!("{name}, sequence {index}"));
            }
        }
    }
}

pub fn assert_close(found: f64, expected: f64, scale: f64, what: &str) {
    let error = (found - expected).abs();
    assert!(
        error <= MOMENTS * scale,
        "{what}: {found:e} for {expected:e}, off by {:e} of {scale:e}",
        error / scale
    );
}

/// Counts equal exactly; moments to [`MOMENTS`] relative. A mean is relative to the root mean square,
/// and a third moment, which may vanish by symmetry, at least to variance times deviation.
pub fn assert_same(found: &SequenceStatistics, expected: &SequenceStatistics, what: &str) {
    assert_eq!(found.tokens, expected.tokens, "{what}: tokens");
    assert_eq!(found.nan, expected.nan, "{what}: NaN");
    assert_eq!(found.inf, expected.inf, "{what}: infinities");
    assert_eq!(found.below_epsilon, expected.below_epsilon, "{what}: below");
    assert_eq!(found.histogram, expected.histogram, "{what}: histogram");
    assert_eq!(found.max_abs, expected.max_abs, "{what}: largest");
    assert_eq!(found.moments.count, expected.moments.count, "{what}: count");
    let (a, b) = (&found.moments, &expected.moments);
    let deviation = b.variance().sqrt();
    assert_close(a.mean, b.mean, b.rms(), &format!("{what}: mean"));
    assert_close(a.m2, b.m2, b.m2, &format!("{what}: m2"));
    assert_close(
        a.m3,
        b.m3,
        b.m3.abs().max(b.m2 * deviation),
        &format!("{what}: m3"),
    );
    assert_close(a.m4, b.m4, b.m4, &format!("{what}: m4"));
    assert_close(
        found.channel_m2,
        expected.channel_m2,
        expected.channel_m2,
        &format!("{what}: channel m2"),
    );
    let pooled = expected.pooled_variance;
    assert_close(
        found.pooled_variance,
        pooled,
        pooled,
        &format!("{what}: pooled variance"),
    );
    for (channel, (a, b)) in found
        .channel_mean
        .iter()
        .zip(&expected.channel_mean)
        .enumerate()
    {
        assert_close(
            *a,
            *b,
            expected.moments.rms(),
            &format!("{what}: mean of {channel}"),
        );
    }
}

/// Cosines and angles to [`MOMENTS`] relative to the largest they can be a token; 1 - cosine
/// relative to itself, since Block Influence lives on small ones.
pub fn assert_pair(found: &SequencePair, expected: &SequencePair, what: &str) {
    assert_eq!(found.tokens, expected.tokens, "{what}: tokens");
    assert_eq!(found.degenerate, expected.degenerate, "{what}: degenerate");
    let tokens = f64::from(expected.tokens).max(1.0);
    assert_close(
        found.cosine_sum,
        expected.cosine_sum,
        tokens,
        &format!("{what}: cosine"),
    );
    let relative = |a: f64, b: f64, name: &str| assert_close(a, b, b, &format!("{what}: {name}"));
    relative(
        found.one_minus_cosine_sum,
        expected.one_minus_cosine_sum,
        "1 - cosine",
    );
    relative(found.angle_sum, expected.angle_sum, "angle");
    relative(
        found.relative_magnitude_sum,
        expected.relative_magnitude_sum,
        "relative magnitude",
    );
    assert_eq!(
        found.last_cosine.is_some(),
        expected.last_cosine.is_some(),
        "{what}"
    );
    if let (Some(a), Some(b)) = (found.last_angle, expected.last_angle) {
        relative(a, b, "last angle");
    }
}

/// Compares two activations on all devices, alone and while statistics are taken of the second.
pub fn check_pair(input: &Case, output: &Case) {
    for (name, device) in devices() {
        let (inputs, mask) = input.upload(&device);
        let (outputs, _) = output.upload(&device);
        let mut recorder = Recorder::new(mask, 1);
        recorder.measure(outputs.clone(), Some(inputs.clone()), None);
        recorder.compare(inputs, outputs);
        let found: Vec<BatchStatistics> = block_on(recorder.collect()).unwrap();
        assert!(found[1].sequences.is_empty());
        for found in &found {
            for (index, found) in found.pairs.iter().enumerate() {
                let (a, mask) = input.sequence(index);
                let (b, _) = output.sequence(index);
                let expected = reference::pair(a, b, input.shape[2], mask);
                assert_pair(found, &expected, &format!("{name}, sequence {index}"));
            }
        }
        // Looking at a pair must not change what is said of the output.
        for (index, found) in found[0].sequences.iter().enumerate() {
            let (values, mask) = output.sequence(index);
            let expected = reference::sequence(values, output.shape[2], mask, None);
            assert_same(found, &expected, &format!("{name}, sequence {index}"));
        }
    }
}
