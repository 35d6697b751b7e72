//! Operations on every device equal float64 arithmetic, at sizes chosen to break them.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use burn::tensor::Tensor;
use layerlab_kernels::ops::{
    gate::silu_gate,
    heads::{Rotation, rotated_heads},
    log_probabilities::log_probabilities,
    norm::rms,
};
use support::{devices, tensors::tensor};

/// Relative error of a result, or absolute where it is below 1.
const TOLERANCE: f64 = 1e-5;

/// Numbers of about `scale` that follow no simple pattern.
fn wave(count: usize, step: f64, scale: f64) -> Vec<f32> {
    let value = |index: usize| ((index * index % 10_007) as f64 * step).sin() * scale;
    (0..count).map(|index| value(index) as f32).collect()
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
            let rows = values.chunks(channels).flat_map(|row| {
                let square = |value: &f32| f64::from(*value).powi(2);
                let mean = row.iter().map(square).sum::<f64>() / channels as f64;
                let inverse = 1.0 / (mean + 1e-5).sqrt();
                let pairs = row.iter().zip(&gamma);
                pairs.map(move |(value, gamma)| f64::from(*value) * inverse * f64::from(*gamma))
            });
            let expected: Vec<f64> = rows.collect();
            for (name, device) in devices() {
                let hidden = tensor(values.clone(), shape, &device);
                let found = rms(hidden, tensor(gamma.clone(), [channels], &device), 1e-5);
                assert_same(found, &expected, &format!("{name}: {shape:?} of {scale}"));
            }
        }
    }
}

/// Heads that are rotated whole and in part.
#[test]
fn rotated() {
    let [rows, tokens] = [3, 17];
    for (heads, dim, dimensions) in [(1, 2, 2), (3, 8, 8), (4, 10, 6), (2, 64, 16)] {
        let half = dimensions / 2;
        let frequency = |pair: usize| 10_000f64.powf(-2.0 * pair as f64 / dimensions as f64);
        let angles = (0..rows * tokens).flat_map(|row| {
            let position = (row * 7 % 40) as f64;
            (0..half).map(move |pair| position * frequency(pair))
        });
        let angles: Vec<f64> = angles.collect();
        let channels = heads * dim;
        let values = wave(rows * tokens * channels, 0.37, 3.0);
        let mut expected = Vec::new();
        for (row, head, token) in (0..rows)
            .flat_map(|row| (0..heads).map(move |head| (row, head)))
            .flat_map(|(row, head)| (0..tokens).map(move |token| (row, head, token)))
        {
            let row = row * tokens + token;
            let at = |channel: usize| f64::from(values[row * channels + head * dim + channel]);
            let turn = |pair: usize| {
                let angle = angles[row * half + pair];
                (angle.cos(), angle.sin())
            };
            expected.extend((0..dim).map(|channel| {
                if channel < half {
                    let (cosine, sine) = turn(channel);
                    at(channel) * cosine - at(channel + half) * sine
                } else if channel < dimensions {
                    let (cosine, sine) = turn(channel - half);
                    at(channel) * cosine + at(channel - half) * sine
                } else {
                    at(channel)
                }
            }));
        }
        for (name, device) in devices() {
            let rotation = Rotation::new(&angles, [rows, tokens], &device);
            let projected = tensor(values.clone(), [rows, tokens, channels], &device);
            let found = rotated_heads(projected, heads, &rotation);
            let what = format!("{name}: {heads} heads of {dim}, {dimensions} rotated");
            assert_same(found, &expected, &what);
        }
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
        let expected = gate.iter().zip(&up).map(|(gate, up)| {
            let gate = f64::from(*gate);
            gate / (1.0 + (-gate).exp()) * f64::from(*up)
        });
        let expected: Vec<f64> = expected.collect();
        for (name, device) in devices() {
            let [gates, ups] = [&gate, &up].map(|values| tensor(values.clone(), shape, &device));
            let found = silu_gate(gates, ups);
            assert_same(found, &expected, &format!("{name}: {shape:?}"));
        }
    }
}

#[test]
fn likelihoods() {
    for vocabulary in [1, 7, 1000, 9001] {
        let targets = 21;
        let logits: Vec<f32> = (0..targets * vocabulary)
            .map(|place| ((place * 7919) % 1013) as f32 / 40.0 - 9.0)
            .collect();
        let ids = (0..targets).map(|row| (row * 31 % vocabulary) as i32);
        let ids: Vec<i32> = ids.collect();
        let expected = logits.chunks(vocabulary).zip(&ids).map(|(row, id)| {
            let sum: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum();
            f64::from(row[*id as usize]) - sum.ln()
        });
        let expected: Vec<f64> = expected.collect();
        for (name, device) in devices() {
            let found = tensor(logits.clone(), [targets, vocabulary], &device);
            let found = log_probabilities(found, &ids);
            assert_same(found, &expected, &format!("{name}: of {vocabulary}"));
        }
    }
}
