//! Hidden states compared on every device, and several measurements of one pass.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use layerlab_kernels::Recorder;
use layerlab_stats::reference;
use pollster::block_on;
use support::{Case, EPSILON, Random, assert_pair, assert_same, check_pair, devices};

/// More than a page holds, of two widths in turn, some with pairs; and fewer expected than come.
#[test]
fn measurements_of_a_pass_do_not_touch_each_other() {
    let real = |sequence: usize, token: usize| token + 3 * sequence < 19;
    let case = |index: usize| {
        let scale = 1.0 + index as f64 / 40.0;
        let normal = Case::new([2, 19, [70, 33][index % 2]], |random, _| {
            random.normal() * scale
        });
        normal.masked(real)
    };
    let cases: Vec<Case> = (0..40).map(case).collect();
    let other = Case::new([2, 19, 70], |random, _| 4.0 * (random.uniform() - 0.5)).masked(real);
    for (name, device) in devices() {
        for expected in [1, 25, 40] {
            let (input, mask) = other.upload(&device);
            let mut recorder = Recorder::new(mask, expected);
            for (index, case) in cases.iter().enumerate() {
                let (hidden, _) = case.upload(&device);
                let compared = (index % 4 == 2).then(|| input.clone());
                recorder.measure(hidden, compared, Some(EPSILON));
                if index == 10 {
                    recorder.compare(input.clone(), cases[2].upload(&device).0);
                }
            }
            let mut found = block_on(recorder.collect()).unwrap();
            let alone = found.remove(11);
            let pair = |index: usize, sequence: usize| {
                let (a, mask) = other.sequence(sequence);
                let (b, _) = cases[index].sequence(sequence);
                reference::pair(a, b, 70, mask)
            };
            assert_eq!(alone.pairs.len(), 2);
            for (index, (case, found)) in cases.iter().zip(&found).enumerate() {
                let what = format!("{name}, {expected} expected, number {index}");
                assert_eq!(found.pairs.len(), if index % 4 == 2 { 2 } else { 0 });
                for (sequence, found) in found.pairs.iter().enumerate() {
                    assert_pair(found, &pair(index, sequence), &what);
                }
                for (sequence, found) in found.sequences.iter().enumerate() {
                    let (values, mask) = case.sequence(sequence);
                    let channels = case.shape[2];
                    let expected = reference::sequence(values, channels, mask, Some(EPSILON));
                    assert_same(found, &expected, &what);
                }
            }
            for (sequence, found) in alone.pairs.iter().enumerate() {
                assert_pair(found, &pair(2, sequence), &format!("{name}, alone"));
            }
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
            let mut recorder = Recorder::new(mask, 1);
            recorder.compare(inputs, outputs);
            let found = block_on(recorder.collect()).unwrap();
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
