//! Every device equals the float64 reference, on inputs chosen to break it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::OnceLock;

use burn::tensor::{Device, DeviceKind, Int, Tensor, TensorData};
use layerlab_kernels::{BatchStatistics, collect, compare, measure};
use layerlab_stats::{SequencePair, SequenceStatistics, reference};
use pollster::block_on;

/// Relative error that every moment must keep.
const MOMENTS: f64 = 1e-5;
const EPSILON: f64 = 1e-5;

fn devices() -> [(&'static str, Device); 2] {
    static GPU: OnceLock<Device> = OnceLock::new();
    let gpu = GPU.get_or_init(|| Device::wgpu(DeviceKind::DefaultDevice));
    [("cpu", Device::flex()), ("wgpu", gpu.clone())]
}

/// `[batch, tokens, channels]` with a mask.
struct Case {
    shape: [usize; 3],
    values: Vec<f32>,
    mask: Vec<bool>,
}

/// A generator that every platform agrees on (xorshift64*), uniform in [0, 1).
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

impl Case {
    /// Values by sequence, token and channel; every token real.
    fn new(shape: [usize; 3], mut value: impl FnMut(&mut Random, [usize; 3]) -> f64) -> Self {
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

    fn normal(shape: [usize; 3]) -> Self {
        Self::new(shape, |random, _| random.normal())
    }

    fn masked(mut self, real: impl Fn(usize, usize) -> bool) -> Self {
        let tokens = self.shape[1];
        for (index, mask) in self.mask.iter_mut().enumerate() {
            *mask = real(index / tokens, index % tokens);
        }
        self
    }

    fn upload(&self, device: &Device) -> (Tensor<3>, Tensor<2, Int>) {
        let [batch, tokens, _] = self.shape;
        let mask: Vec<i32> = self.mask.iter().map(|real| i32::from(*real)).collect();
        (
            Tensor::from_data(TensorData::new(self.values.clone(), self.shape), device),
            Tensor::from_data(TensorData::new(mask, [batch, tokens]), device),
        )
    }

    fn sequence(&self, sequence: usize) -> (&[f32], &[bool]) {
        let [_, tokens, channels] = self.shape;
        let size = tokens * channels;
        (
            &self.values[sequence * size..(sequence + 1) * size],
            &self.mask[sequence * tokens..(sequence + 1) * tokens],
        )
    }

    /// Measures on both devices and compares every figure.
    fn check(&self) {
        for (name, device) in devices() {
            let (hidden, mask) = self.upload(&device);
            let pending = vec![measure(hidden, None, mask, Some(EPSILON))];
            let found = block_on(collect(pending)).unwrap().remove(0);
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

fn assert_close(found: f64, expected: f64, scale: f64, what: &str) {
    let error = (found - expected).abs();
    assert!(
        error <= MOMENTS * scale,
        "{what}: {found:e} for {expected:e}, off by {:e} of {scale:e}",
        error / scale
    );
}

/// Counts equal exactly; moments to [`MOMENTS`] relative. A mean is relative to the root mean square,
/// and a third moment, which may vanish by symmetry, at least to variance times deviation.
fn assert_same(found: &SequenceStatistics, expected: &SequenceStatistics, what: &str) {
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

#[test]
fn shapes_that_do_not_fit_the_workgroup() {
    for shape in [
        [1, 1, 1],
        [1, 1, 65],
        [2, 3, 63],
        [3, 16, 64],
        [2, 17, 100],
        [1, 33, 129],
        [2, 5, 300],
        [4, 31, 7],
    ] {
        Case::normal(shape).check();
    }
}

#[test]
fn large_mean_and_tiny_deviation() {
    Case::new([2, 50, 70], |random, _| 1e4 + 1e-2 * random.normal()).check();
    Case::new([1, 200, 33], |random, [_, _, channel]| {
        channel as f64 * 100.0 + 1e-3 * random.normal()
    })
    .check();
}

#[test]
fn outlier_channels_and_attention_sinks() {
    Case::new([2, 40, 96], |random, [_, _, channel]| {
        random.normal() * if channel == 5 { 1e3 } else { 0.1 }
    })
    .check();
    // What trained models do: a few channels of the first token a thousand times the rest.
    Case::new([2, 40, 96], |random, [_, token, channel]| {
        random.normal()
            * if token == 0 && channel % 40 == 7 {
                3e3
            } else {
                1.0
            }
    })
    .check();
}

#[test]
fn magnitudes_that_float32_cannot_square() {
    for scale in [1e-39, 1e-42, 1e-30, 1e-20, 1e20, 1e37] {
        Case::new([2, 20, 66], |random, _| scale * random.normal()).check();
    }
    // Denormals beside ordinary numbers.
    Case::new([1, 20, 66], |random, [_, _, channel]| {
        random.normal() * if channel % 2 == 0 { 1e-40 } else { 1.0 }
    })
    .check();
}

#[test]
fn zeros_of_both_signs_and_the_threshold_itself() {
    let nearest = EPSILON as f32;
    let around = [
        0.0,
        -0.0,
        f64::from(nearest),
        -f64::from(nearest),
        f64::from(f32::from_bits(nearest.to_bits() + 1)),
        f64::from(f32::from_bits(nearest.to_bits() - 1)),
        1e-45,
        1.0,
    ];
    Case::new([1, 9, 64], |_, [_, token, channel]| {
        around[(token + channel) % 8]
    })
    .check();
    // Constant: every deviation is 0.
    for value in [0.0, -0.0, 0.3, -7.0] {
        Case::new([1, 20, 65], |_, _| value).check();
    }
}

#[test]
fn padding_never_enters() {
    let shape = [3, 37, 65];
    let padded = |side: fn(usize, usize) -> bool| {
        // What stands in the padding would be noticed.
        Case::new(shape, |random, [sequence, token, _]| {
            if side(sequence, token) {
                random.normal()
            } else {
                1e6
            }
        })
        .masked(side)
    };
    padded(|sequence, token| token < 37 - 10 * sequence).check();
    padded(|sequence, token| token >= 11 * sequence).check();
    padded(|sequence, _| sequence != 1).check();
    padded(|_, token| token % 3 == 0).check();
}

#[test]
fn numbers_that_are_not_finite_are_counted_and_left_out() {
    Case::new([2, 19, 67], |random, [_, token, channel]| {
        match (token * 67 + channel) % 101 {
            3 => f64::NAN,
            50 => f64::INFINITY,
            77 => f64::NEG_INFINITY,
            _ => random.normal(),
        }
    })
    .check();
    Case::new([1, 5, 64], |_, _| f64::NAN).check();
    // One whole channel.
    Case::new([1, 30, 64], |random, [_, _, channel]| {
        if channel == 9 {
            f64::INFINITY
        } else {
            random.normal()
        }
    })
    .check();
}

#[test]
fn ten_million_elements() {
    Case::normal([16, 512, 1221]).check();
}

#[test]
fn random_shapes_and_scales() {
    let mut random = Random(42);
    for _ in 0..12 {
        let mut below = |limit: f64| 1 + (random.uniform() * limit) as usize;
        let shape = [below(3.0), below(60.0), below(200.0)];
        let (offset, scale) = (random.normal() * 10.0, (random.normal() * 3.0).exp());
        let cut = random.uniform();
        Case::new(shape, |random, _| offset + scale * random.normal())
            .masked(|_, token| token as f64 >= cut * shape[1] as f64 || token == shape[1] - 1)
            .check();
    }
}

/// Cosines and angles to [`MOMENTS`] relative to the largest they can be a token; 1 - cosine
/// relative to itself, since Block Influence lives on small ones.
fn assert_pair(found: &SequencePair, expected: &SequencePair, what: &str) {
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

fn check_pair(input: &Case, output: &Case) {
    for (name, device) in devices() {
        let (inputs, mask) = input.upload(&device);
        let (outputs, _) = output.upload(&device);
        let together = measure(outputs.clone(), Some(inputs.clone()), mask.clone(), None);
        let alone = compare(inputs, outputs, mask);
        let found: Vec<BatchStatistics> = block_on(collect(vec![together, alone])).unwrap();
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

#[test]
fn hidden_states_are_compared_token_by_token() {
    for shape in [[1, 1, 2], [2, 17, 65], [3, 40, 128]] {
        let input = Case::normal(shape);
        let mut random = Random(7);
        let mut output = Case::normal(shape);
        for (output, input) in output.values.iter_mut().zip(&input.values) {
            *output = input + 0.5 * random.normal() as f32;
        }
        check_pair(&input, &output);
        let cut = shape[1] / 2;
        let (input, output) = (
            input.masked(|_, t| t >= cut),
            output.masked(|_, t| t >= cut),
        );
        check_pair(&input, &output);
    }
}

#[test]
fn nearly_parallel_hidden_states() {
    // 1 - cosine is about 1e-6, which a quotient of float32 sums could not tell from 0.
    let input = Case::new([1, 20, 256], |random, _| 10.0 * random.normal());
    let mut random = Random(3);
    let mut output = Case::normal([1, 20, 256]);
    for (output, input) in output.values.iter_mut().zip(&input.values) {
        *output = input + 0.0141 * random.normal() as f32;
    }
    check_pair(&input, &output);
}

#[test]
fn parallel_hidden_states_of_different_length() {
    // What float32 sums can tell: 1 - cosine to 1e-6, so an angle to its root.
    let input = Case::normal([1, 20, 256]);
    for (factor, angle) in [(3.0, 0.0), (-3.0, std::f64::consts::PI)] {
        let mut output = Case::normal([1, 20, 256]);
        for (output, input) in output.values.iter_mut().zip(&input.values) {
            *output = factor * input;
        }
        for (name, device) in devices() {
            let (inputs, mask) = input.upload(&device);
            let (outputs, _) = output.upload(&device);
            let found = block_on(collect(vec![compare(inputs, outputs, mask)])).unwrap();
            let pair = found[0].pairs[0];
            let cosine = f64::from(factor.signum());
            assert!(
                (pair.cosine_sum / 20.0 - cosine).abs() < 1e-6,
                "{name}: {pair:?}"
            );
            assert!(
                (pair.angle_sum / 20.0 - angle).abs() < 1e-3,
                "{name}: {pair:?}"
            );
        }
    }
}

#[test]
fn tokens_without_a_direction_are_left_out() {
    let input = Case::new([1, 20, 70], |random, [_, token, _]| match token {
        3 => 0.0,
        5 => 1e-25 * random.normal(),
        _ => random.normal(),
    });
    let output = Case::new([1, 20, 70], |random, [_, token, channel]| {
        match (token, channel) {
            (7, 3) => f64::NAN,
            (9, 0) => f64::INFINITY,
            (19, _) => 0.0,
            _ => random.normal() + 1.0,
        }
    });
    check_pair(&input, &output);
}

#[test]
fn every_device_passes_its_own_check() {
    for (name, device) in devices() {
        pollster::block_on(layerlab_kernels::check(&device)).expect(name);
    }
}
