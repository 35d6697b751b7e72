//! A device's own test. In a browser an invalid shader is only logged and its dispatch skipped, so that what comes
//! back may be anything: before a device is trusted, every operation computes on it something that is known.

use burn::tensor::{Device, Int, Tensor, TensorData, Transaction, module::embedding};
use layerlab_stats::reference;

use crate::{
    KernelError, Recorder,
    ops::{
        self,
        trial::{Trial, wave},
    },
};

const TOKENS: usize = 9;
const CHANNELS: usize = 40;
/// Largest difference from the processor, relative to the root mean square of what it found.
const TOLERANCE: f32 = 1e-3;

/// Lets the device compute every [operation](crate::ops) once, and what decoders ask of Burn besides, and compares each with
/// its definition on the processor. A model that is passed through it later meets no other shaders.
///
/// # Errors
/// When the device fails, or computes something else than the processor.
pub async fn check(device: &Device) -> Result<(), KernelError> {
    statistics_and_pairs(device).await?;
    let trials = ops::TRIALS
        .iter()
        .chain(&[burns_own as fn(&Device) -> Trial]);
    let trials: Vec<Trial> = trials.map(|trial| trial(device)).collect();
    // Two read-backs for all of them: each takes a GPU's whole way back.
    let mut found = Transaction::default();
    let mut expected = Transaction::default();
    let mut operations = Vec::with_capacity(trials.len());
    for trial in trials {
        found = found.register(trial.found);
        expected = expected.register(trial.expected);
        operations.push(trial.operation);
    }
    let found = found.execute_async().await?;
    let expected = expected.execute_async().await?;
    for ((operation, found), expected) in operations.into_iter().zip(found).zip(expected) {
        let [found, expected] = [found, expected].map(|data| data.iter().collect::<Vec<f32>>());
        if !agree(&found, &expected) {
            return Err(KernelError::WrongResult { kernel: operation });
        }
    }
    Ok(())
}

fn agree(found: &[f32], expected: &[f32]) -> bool {
    let squares: f32 = expected.iter().map(|value| value * value).sum();
    let allowed = TOLERANCE * (squares / expected.len().max(1) as f32).sqrt();
    let near = |(found, expected): (&f32, &f32)| (found - expected).abs() <= allowed;
    found.len() == expected.len() && found.iter().zip(expected).all(near)
}

/// Rows of a table by number, summed, joined and picked from: embeddings, residual streams, caches and the tokens whose
/// probability is asked for.
fn burns_own(device: &Device) -> Trial {
    let rows = |device: &Device| {
        let ids = Tensor::<2, Int>::from_data([[3, 0, 6], [6, 5, 3]], device);
        let embedded = embedding(wave([7, 24], 0.37, device), ids);
        let sum = embedded.clone() + wave([2, 3, 24], 0.61, device);
        let joined = Tensor::cat(vec![embedded, sum], 1);
        let picked = Tensor::<1, Int>::from_data([11, 2, 7], device);
        joined.reshape([12, 24]).select(0, picked)
    };
    Trial::new("rows by number", rows(device), rows(&Device::flex()))
}

/// Of a small activation, the last tokens of which are padding.
async fn statistics_and_pairs(device: &Device) -> Result<(), KernelError> {
    let wave = |step: f32| -> Vec<f32> {
        let values = (0..TOKENS * CHANNELS).map(|index| (index as f32 * step).sin() * 3.0);
        values.collect()
    };
    let (input, output) = (wave(0.37), wave(0.61));
    let tensor = |values: &[f32]| {
        Tensor::<3>::from_data(
            TensorData::new(values.to_vec(), [1, TOKENS, CHANNELS]),
            device,
        )
    };
    let mask: Vec<bool> = (0..TOKENS).map(|token| token < TOKENS - 2).collect();
    let ones: Vec<i32> = mask.iter().map(|real| i32::from(*real)).collect();
    let ones = Tensor::<2, Int>::from_data(TensorData::new(ones, [1, TOKENS]), device);

    let mut recorder = Recorder::new(ones, 2);
    recorder.measure(tensor(&output), Some(tensor(&input)), Some(0.5));
    recorder.compare(tensor(&input), tensor(&output));
    let found = recorder.collect().await?;
    let expected = reference::sequence(&output, CHANNELS, &mask, Some(0.5));
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-4 * b.abs().max(1e-3);
    let sequences = found.iter().flat_map(|found| &found.sequences);
    let statistics_agree = sequences.map(|found| {
        found.tokens == expected.tokens
            && found.histogram == expected.histogram
            && found.below_epsilon == expected.below_epsilon
            && close(found.pooled_variance, expected.pooled_variance)
            && close(found.channel_m2, expected.channel_m2)
            && close(found.moments.m2, expected.moments.m2)
    });
    if !statistics_agree.eq([true]) {
        return Err(KernelError::WrongResult {
            kernel: "statistics",
        });
    }
    let expected = reference::pair(&input, &output, CHANNELS, &mask);
    let pairs = found.iter().flat_map(|found| &found.pairs);
    // Beside statistics, and alone.
    let pairs_agree = pairs.map(|found| close(found.cosine_sum, expected.cosine_sum));
    if !pairs_agree.eq([true, true]) {
        return Err(KernelError::WrongResult {
            kernel: "pair sums",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{sync::OnceLock, time::Instant};

    use burn::tensor::DeviceKind;
    use pollster::block_on;

    use super::*;

    #[test]
    fn a_sound_device_passes() {
        static GPU: OnceLock<Device> = OnceLock::new();
        let gpu = GPU.get_or_init(|| Device::wgpu(DeviceKind::DefaultDevice));
        for device in [Device::flex(), gpu.clone()] {
            let start = Instant::now();
            let passed = block_on(check(&device));
            assert!(passed.is_ok(), "{device:?}: {passed:?}");
            println!("{device:?} checked in {:?}", start.elapsed());
        }
    }

    #[test]
    fn a_value_that_is_off_lacking_or_nan_is_seen() {
        let expected = [1.0, -2.0, 0.5];
        assert!(agree(&expected, &expected));
        assert!(!agree(&[1.0, -2.0, 0.51], &expected));
        assert!(!agree(&[1.0, f32::NAN, 0.5], &expected));
        assert!(!agree(&expected[..2], &expected));
    }
}
