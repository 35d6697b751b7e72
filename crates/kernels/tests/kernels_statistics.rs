//! Every device equals the float64 reference, on inputs chosen to break it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{Case, EPSILON, Random};

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
