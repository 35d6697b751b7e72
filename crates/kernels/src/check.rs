//! A device's own test. In a browser an invalid shader is only logged and its dispatch skipped, so that what comes
//! back may be anything: before a device is trusted, it computes something that is known.

use burn::tensor::{Device, Int, Tensor, TensorData};
use layerlab_stats::reference;

use crate::{KernelError, Recorder};

const TOKENS: usize = 9;
const CHANNELS: usize = 40;

/// Lets the device take statistics of a small activation with its pair, and multiply two matrices.
///
/// # Errors
/// When the device fails, or computes something else than the processor.
pub async fn check(device: &Device) -> Result<(), KernelError> {
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
    // The last two tokens are padding.
    let mask: Vec<bool> = (0..TOKENS).map(|token| token < TOKENS - 2).collect();
    let ones: Vec<i32> = mask.iter().map(|real| i32::from(*real)).collect();
    let ones = Tensor::<2, Int>::from_data(TensorData::new(ones, [1, TOKENS]), device);

    let mut recorder = Recorder::new(ones, 1);
    recorder.measure(tensor(&output), Some(tensor(&input)), Some(0.5));
    let mut found = recorder.collect().await?.into_iter();
    let Some(found) = found.next() else {
        return Err(KernelError::WrongResult {
            kernel: "statistics",
        });
    };
    let expected = reference::sequence(&output, CHANNELS, &mask, Some(0.5));
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-4 * b.abs().max(1e-3);
    let statistics_agree = found.sequences.first().is_some_and(|found| {
        found.tokens == expected.tokens
            && found.histogram == expected.histogram
            && found.below_epsilon == expected.below_epsilon
            && close(found.pooled_variance, expected.pooled_variance)
            && close(found.channel_m2, expected.channel_m2)
            && close(found.moments.m2, expected.moments.m2)
    });
    if !statistics_agree {
        return Err(KernelError::WrongResult {
            kernel: "statistics",
        });
    }
    let expected = reference::pair(&input, &output, CHANNELS, &mask);
    let pairs_agree = found
        .pairs
        .first()
        .is_some_and(|found| close(found.cosine_sum, expected.cosine_sum));
    if !pairs_agree {
        return Err(KernelError::WrongResult {
            kernel: "pair sums",
        });
    }

    let product = tensor(&input).matmul(tensor(&output).swap_dims(1, 2));
    let product = product.into_data_async().await?;
    let expected = (0..TOKENS * TOKENS).map(|index| {
        let row = |values: &'_ [f32], row: usize| -> Vec<f64> {
            let row = &values[row * CHANNELS..(row + 1) * CHANNELS];
            row.iter().copied().map(f64::from).collect()
        };
        let (left, right) = (row(&input, index / TOKENS), row(&output, index % TOKENS));
        left.iter().zip(&right).map(|(a, b)| a * b).sum::<f64>()
    });
    let product: Vec<f64> = product.iter::<f64>().collect();
    // Sums of 40 products of up to 9 each.
    let agrees = |(a, b): (&f64, f64)| (a - b).abs() < 1e-2;
    if product.len() != TOKENS * TOKENS || !product.iter().zip(expected).all(agrees) {
        return Err(KernelError::WrongResult {
            kernel: "matrix product",
        });
    }
    Ok(())
}
