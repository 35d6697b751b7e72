//! The statistics kernel alone, beside the device's own copy of the same numbers.

use std::{hint::black_box, time::Instant};

use burn::tensor::{Device, Distribution, Int, Tensor};
use layerlab_kernels::Recorder;

use crate::{Failed, median};

/// One piece of the activation: 128 MiB, the most that every adapter can bind.
const SHAPE: [usize; 3] = [4, 4096, 2048];
/// As many as make 1 GiB.
const PIECES: usize = 8;

/// Prints how many bytes of an activation of 1 GiB the kernel reads in a second, and how many the device reads and writes where it
/// multiplies it by a number.
pub async fn measure_kernel(device: &Device, repeats: usize) -> Result<(), Failed> {
    let pieces: Vec<Tensor<3>> = (0..PIECES)
        .map(|_| Tensor::random(SHAPE, Distribution::Normal(0.0, 1.0), device))
        .collect();
    let mask = Tensor::<2, Int>::ones([SHAPE[0], SHAPE[1]], device);
    let bytes = (PIECES * SHAPE.iter().product::<usize>() * size_of::<f32>()) as f64;
    let (mut kernel, mut copy) = (Vec::new(), Vec::new());
    // The first turn compiles and does not count.
    for turn in 0..=repeats {
        let start = Instant::now();
        let mut recorder = Recorder::new(mask.clone(), PIECES);
        for piece in &pieces {
            recorder.measure(piece.clone(), None, None);
        }
        black_box(recorder.collect().await?);
        let of_kernel = start.elapsed().as_secs_f64();
        let start = Instant::now();
        // Waited for once, as the kernel is.
        let firsts = pieces.iter().map(|piece| {
            let copied = piece.clone() * 1.5;
            copied.slice([0..1, 0..1, 0..1])
        });
        let firsts: Vec<Tensor<3>> = firsts.collect();
        for first in firsts {
            black_box(first.into_data_async().await?.iter::<f32>().next());
        }
        let of_copy = start.elapsed().as_secs_f64();
        if turn > 0 {
            kernel.push(of_kernel);
            copy.push(of_copy);
        }
    }
    println!(
        "statistics kernel, GB/s\t{:.2}",
        bytes / median(kernel) / 1e9
    );
    println!(
        "device copy, GB/s read and written\t{:.2}",
        2.0 * bytes / median(copy) / 1e9
    );
    Ok(())
}
