//! Every kernel equals float64 arithmetic on the processor.
#![allow(clippy::unwrap_used)]

use std::sync::OnceLock;

use burn::tensor::{Device, DeviceKind, Tensor, TensorData};

use crate::{
    PaddingSide, TokenBatch,
    decoder::{positions::Positions, rotary::Rotation},
    spec::{Activation, RotaryScaling, RotarySpec},
};

/// Relative error of a result, or absolute where it is below 1.
const TOLERANCE: f64 = 1e-5;

fn gpu() -> Device {
    static GPU: OnceLock<Device> = OnceLock::new();
    GPU.get_or_init(|| Device::wgpu(DeviceKind::DefaultDevice))
        .clone()
}

/// Numbers of about `scale` that follow no simple pattern.
fn wave(count: usize, step: f64, scale: f64) -> Vec<f32> {
    let value = |index: usize| ((index * index % 10_007) as f64 * step).sin() * scale;
    (0..count).map(|index| value(index) as f32).collect()
}

fn upload<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

fn assert_same<const D: usize>(found: Tensor<D>, expected: &[f64], what: &str) {
    let found: Vec<f32> = found.into_data().iter().collect();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let off = (f64::from(*found) - expected).abs();
        let allowed = TOLERANCE * expected.abs().max(1.0);
        assert!(off <= allowed, "{what}, {index}: {found} for {expected}");
    }
}

/// Rows narrower and wider than a workgroup, and more of them than there are workgroups in one direction.
#[test]
fn norms() {
    for shape in [
        [1, 1, 1],
        [2, 3, 63],
        [1, 5, 64],
        [2, 7, 300],
        [3, 15_000, 5],
    ] {
        let channels = shape[2];
        for scale in [1e-4, 3.0, 1e4] {
            let values = wave(shape.iter().product(), 0.37, scale);
            let gamma = wave(channels, 0.61, 2.0);
            let found = super::rms(
                &upload(&values, shape, &gpu()),
                &upload(&gamma, [channels], &gpu()),
                1e-5,
            );
            let rows = values.chunks(channels).flat_map(|row| {
                let square = |value: &f32| f64::from(*value).powi(2);
                let mean = row.iter().map(square).sum::<f64>() / channels as f64;
                let inverse = 1.0 / (mean + 1e-5).sqrt();
                let pairs = row.iter().zip(&gamma);
                pairs.map(move |(value, gamma)| f64::from(*value) * inverse * f64::from(*gamma))
            });
            let expected: Vec<f64> = rows.collect();
            assert_same(found.unwrap(), &expected, &format!("{shape:?} of {scale}"));
        }
    }
}

/// Heads that are rotated whole and in part, in padded batches.
#[test]
fn rotated_heads() {
    let sequences: [&[u32]; 3] = [&[1; 17], &[1; 5], &[1; 11]];
    let batch = TokenBatch::new(&sequences, PaddingSide::Left).unwrap();
    let [rows, tokens] = batch.shape();
    for (heads, dim, dimensions) in [(1, 2, 2), (3, 8, 8), (4, 10, 6), (2, 64, 16)] {
        let spec = RotarySpec {
            dimensions,
            theta: 10_000.0,
            scaling: RotaryScaling::None,
        };
        let positions = Positions::new(&batch, None);
        let rotation = Rotation::new(&spec, &positions, [rows, tokens], &gpu());
        let channels = heads * dim;
        let values = wave(rows * tokens * channels, 0.37, 3.0);
        let found = super::split(
            &upload(&values, [rows, tokens, channels], &gpu()),
            heads,
            &rotation,
        );
        let (cosines, sines) = rotation.tables();
        let half = dimensions / 2;
        let mut expected = Vec::new();
        for (row, head, token) in (0..rows)
            .flat_map(|row| (0..heads).map(move |head| (row, head)))
            .flat_map(|(row, head)| (0..tokens).map(move |token| (row, head, token)))
        {
            let row = row * tokens + token;
            let at = |channel: usize| f64::from(values[row * channels + head * dim + channel]);
            let angle = |pair: usize| {
                let place = row * half + pair;
                (f64::from(cosines[place]), f64::from(sines[place]))
            };
            expected.extend((0..dim).map(|channel| {
                if channel < half {
                    let (cosine, sine) = angle(channel);
                    at(channel) * cosine - at(channel + half) * sine
                } else if channel < dimensions {
                    let (cosine, sine) = angle(channel - half);
                    at(channel) * cosine + at(channel - half) * sine
                } else {
                    at(channel)
                }
            }));
        }
        let what = format!("{heads} heads of {dim}, {dimensions} rotated");
        assert_same(found.unwrap(), &expected, &what);
    }
}

/// More numbers than one direction of workgroups has units for, and gates beyond what an exponential can hold.
#[test]
fn gates() {
    for (shape, scale) in [
        ([1, 1, 1], 1.0),
        ([2, 9, 77], 8.0),
        ([1, 70, 30_011], 120.0),
    ] {
        let count = shape.iter().product();
        let (gate, up) = (wave(count, 0.37, scale), wave(count, 0.61, 2.0));
        let (gates, ups) = (upload(&gate, shape, &gpu()), upload(&up, shape, &gpu()));
        let expected = gate.iter().zip(&up).map(|(gate, up)| {
            let gate = f64::from(*gate);
            gate / (1.0 + (-gate).exp()) * f64::from(*up)
        });
        let expected: Vec<f64> = expected.collect();
        let found = super::gated(Activation::Silu, &gates, &ups);
        assert_same(found.unwrap(), &expected, &format!("{shape:?}"));
        assert!(super::gated(Activation::Relu, &gates, &ups).is_none());
    }
}

#[test]
fn tensors_of_the_processor_are_left_to_others() {
    let values = upload(&wave(12, 0.37, 1.0), [1, 3, 4], &Device::flex());
    assert!(super::rms(&values, &upload(&[1.0; 4], [4], &Device::flex()), 1e-5).is_none());
    assert!(super::gated(Activation::Silu, &values, &values).is_none());
}
