//! Every function equals Burn's operations.
#![allow(clippy::unwrap_used)]

use burn::{
    module::Param,
    nn::RmsNormConfig,
    tensor::{
        Device, Int, Tensor, TensorData,
        activation::{log_softmax, silu},
        module,
    },
};
use proptest::prelude::*;

use crate::{
    PaddingSide, TokenBatch,
    decoder::{cache::KvCache, mask::Masks, positions::Positions, rotary::Rotation},
    spec::{Activation, RotaryScaling, RotarySpec},
};

/// Numbers in −`scale` to `scale` without a pattern.
fn numbers(count: usize, seed: u32, scale: f32) -> Vec<f32> {
    let scrambled = |index: u32| (index ^ seed).wrapping_mul(0x9e37_79b9).rotate_left(13);
    let numbers = (0..count as u32).map(|index| scrambled(scrambled(index).wrapping_add(seed)));
    numbers
        .map(|bits| (bits as f32 / 2f32.powi(31) - 1.0) * scale)
        .collect()
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn random<const D: usize>(shape: [usize; D], seed: u32, scale: f32) -> Tensor<D> {
    tensor(numbers(shape.iter().product(), seed, scale), shape)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

/// Whether both are no number, the same infinity, or equal to so many shares of 1 or of their size.
fn agree(found: f32, expected: f32, tolerance: f32) -> bool {
    if expected.is_finite() {
        (found - expected).abs() <= tolerance * expected.abs().max(1.0)
    } else {
        found == expected || found.is_nan() && expected.is_nan()
    }
}

fn assert_same<const D: usize>(found: Tensor<D>, expected: Tensor<D>, tolerance: f32, what: &str) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let pairs = values(found).into_iter().zip(values(expected));
    for (place, (found, expected)) in pairs.enumerate() {
        let same = agree(found, expected, tolerance);
        assert!(same, "{what}, {place}: {found} for {expected}");
    }
}

/// Queries, keys and values of sequences, and what attention makes of them.
#[derive(Debug, Clone)]
struct Case {
    lengths: Vec<usize>,
    /// Tokens of each that were read before; the batch is padded on the left where there are any.
    cached: usize,
    side: PaddingSide,
    window: Option<usize>,
    kv_heads: usize,
    group: usize,
    dim: usize,
    seed: u32,
}

impl Case {
    /// Positions of the new tokens, and which of them are real.
    fn positions(&self) -> (Positions, Vec<bool>) {
        let mut cache = KvCache::new();
        let sequences = |lengths: &[usize]| -> Vec<Vec<u32>> {
            lengths.iter().map(|length| vec![1; *length]).collect()
        };
        let side = if self.cached > 0 {
            PaddingSide::Left
        } else {
            self.side
        };
        if self.cached > 0 {
            let before: Vec<usize> = (0..self.lengths.len())
                .map(|row| self.cached + row)
                .collect();
            let batch = TokenBatch::new(&sequences(&before), side).unwrap();
            Positions::new(&batch, Some(&mut cache));
        }
        // What follows a cache is as long for all.
        let lengths = match self.cached {
            0 => self.lengths.clone(),
            _ => vec![self.lengths[0]; self.lengths.len()],
        };
        let batch = TokenBatch::new(&sequences(&lengths), side).unwrap();
        let real = batch.real().to_vec();
        (Positions::new(&batch, Some(&mut cache)), real)
    }

    /// Every row that is real, by this module and by Burn's operations.
    fn mixed(&self, spoil: impl Fn(&mut [f32])) -> Vec<([f32; 2], usize)> {
        let (positions, real) = self.positions();
        let masks = Masks::new(&positions, std::iter::once(self.window), &Device::flex());
        let mask = masks.get(self.window);
        let ([_, _, tokens, seen], _) = positions.seen(self.window);
        let (batch, heads, dim) = (self.lengths.len(), self.kv_heads * self.group, self.dim);
        let queries = random([batch, heads, tokens, dim], self.seed, 2.0);
        let shape = [batch, self.kv_heads, seen, dim];
        let mut keys = numbers(shape.iter().product(), self.seed + 1, 2.0);
        spoil(&mut keys);
        let (keys, shared) = (tensor(keys, shape), random(shape, self.seed + 2, 1.0));
        let scale = 1.0 / (dim as f64).sqrt();
        let found = super::mix(
            &queries,
            &keys,
            &shared,
            mask.spans.as_ref().unwrap(),
            scale,
        );
        let expected = mask.mix_by_operations(queries, keys, shared, scale);
        let pairs = values(found.unwrap()).into_iter().zip(values(expected));
        let width = heads * dim;
        let rows = pairs
            .enumerate()
            .map(|(place, (a, b))| ([a, b], place / width));
        rows.filter(|(_, row)| real[*row]).collect()
    }
}

fn cases() -> impl Strategy<Value = Case> {
    // Blocks of keys are 8 to 32 wide, four queries are taken together: lengths and windows around and beyond them.
    let length = prop_oneof![1usize..8, 14usize..20, 30usize..36, 60usize..100];
    let window = prop_oneof![
        Just(None),
        (1usize..6).prop_map(Some),
        (14usize..36).prop_map(Some),
        (60usize..70).prop_map(Some),
    ];
    let dim = prop::sample::select(vec![1, 4, 8, 15, 16, 24, 33, 64]);
    let side = prop::sample::select(vec![PaddingSide::Left, PaddingSide::Right]);
    let cached = prop_oneof![Just(0usize), 1usize..70];
    let lengths = prop::collection::vec(length, 1..4);
    let heads = (1usize..4, 1usize..4);
    (lengths, cached, side, window, heads, dim, any::<u16>()).prop_map(
        |(lengths, cached, side, window, (kv_heads, group), dim, seed)| Case {
            lengths,
            cached,
            side,
            window,
            kv_heads,
            group,
            dim,
            seed: seed.into(),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn attention(case in cases()) {
        for ([found, expected], row) in case.mixed(|_| ()) {
            prop_assert!(agree(found, expected, 2e-5), "row {}: {} for {}", row, found, expected);
        }
    }
}

/// A window that ends far behind the first block of keys, whose start must be found.
#[test]
fn attention_within_a_window_beyond_the_first_block() {
    let case = Case {
        lengths: vec![150],
        cached: 0,
        side: PaddingSide::Right,
        window: Some(20),
        kv_heads: 2,
        group: 2,
        dim: 16,
        seed: 3,
    };
    for ([found, expected], row) in case.mixed(|_| ()) {
        assert!(
            agree(found, expected, 2e-5),
            "row {row}: {found} for {expected}"
        );
    }
}

/// A query whose scores are no numbers, or infinite, must not look like one that sees nothing, or like a healthy one.
#[test]
fn attention_to_what_is_no_number_is_no_number() {
    for (broken, at) in [(f32::NAN, 0), (f32::NAN, 37), (f32::INFINITY, 12)] {
        let case = Case {
            lengths: vec![50],
            cached: 0,
            side: PaddingSide::Right,
            window: None,
            kv_heads: 1,
            group: 1,
            dim: 8,
            seed: 5,
        };
        // All channels of one key, so that products of both signs are infinite.
        let spoil = |keys: &mut [f32]| keys[8 * at..8 * (at + 1)].fill(broken);
        let mut seeing = 0;
        for ([found, expected], row) in case.mixed(spoil) {
            if row >= at {
                assert!(
                    found.is_nan() && expected.is_nan(),
                    "row {row}: {found} {expected}"
                );
                seeing += 1;
            }
        }
        assert_eq!(seeing, 8 * (50 - at));
    }
}

#[test]
fn norms() {
    for channels in [1, 7, 8, 16, 33, 300] {
        for scale in [1e-4, 1.0, 1e4] {
            let hidden = random([2, 3, channels], 1, scale);
            let gamma = random([channels], 2, 2.0);
            let mut norm = RmsNormConfig::new(channels)
                .with_epsilon(1e-5)
                .init(&Device::flex());
            norm.gamma = Param::from_tensor(gamma.clone());
            let found = super::rms(&hidden, &gamma, 1e-5).unwrap();
            assert_same(
                found,
                norm.forward(hidden),
                1e-5,
                &format!("{channels} of {scale}"),
            );
        }
    }
    let mut broken = numbers(3 * 33, 1, 1.0);
    broken[40] = f32::NAN;
    let found =
        values(super::rms(&tensor(broken, [1, 3, 33]), &random([33], 2, 1.0), 1e-5).unwrap());
    for (place, value) in found.iter().enumerate() {
        assert_eq!(value.is_nan(), place / 33 == 1, "{place}");
    }
}

#[test]
fn gates() {
    // More than one thread takes at once, and neither a multiple of a vector.
    for (shape, scale) in [([1, 1, 1], 1.0), ([2, 9, 77], 8.0), ([1, 3, 11_003], 120.0)] {
        let (gate, up) = (random(shape, 1, scale), random(shape, 2, 2.0));
        let found = super::gated(Activation::Silu, &gate, &up).unwrap();
        assert_same(found, silu(gate) * up, 1e-5, &format!("{shape:?}"));
    }
    let extremes = vec![
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        -1e38,
        1e38,
        -90.0,
        0.0,
        -0.0,
        88.5,
    ];
    let gate = tensor(extremes.clone(), [1, 1, extremes.len()]);
    let up = tensor(vec![0.5; extremes.len()], [1, 1, extremes.len()]);
    let found = super::gated(Activation::Silu, &gate, &up).unwrap();
    // x / (1 + e^-x): of minus infinity, a quotient of infinities.
    let expected = [
        f32::NAN,
        f32::INFINITY,
        f32::NAN,
        0.0,
        5e37,
        0.0,
        0.0,
        0.0,
        44.25,
    ];
    assert_same(
        found,
        tensor(expected.to_vec(), [1, 1, expected.len()]),
        1e-5,
        "extremes",
    );
    assert!(super::gated(Activation::Relu, &gate, &up).is_none());
}

#[test]
fn heads() {
    let sequences: [&[u32]; 3] = [&[1; 17], &[1; 5], &[1; 11]];
    let batch = TokenBatch::new(&sequences, PaddingSide::Left).unwrap();
    let [rows, tokens] = batch.shape();
    for (heads, dim, dimensions) in [(1, 2, 2), (3, 8, 8), (4, 10, 6), (2, 64, 16)] {
        let spec = RotarySpec {
            dimensions,
            theta: 10_000.0,
            scaling: RotaryScaling::None,
        };
        let rotation = Rotation::new(
            &spec,
            &Positions::new(&batch, None),
            [rows, tokens],
            &Device::flex(),
        );
        let projected = random([rows, tokens, heads * dim], 1, 3.0);
        let split = projected
            .clone()
            .reshape([rows, tokens, heads, dim])
            .swap_dims(1, 2);
        let what = format!("{heads} heads of {dim}, {dimensions} rotated");
        let found = super::split(&projected, heads, Some(&rotation)).unwrap();
        assert_same(found, rotation.apply(split.clone()), 1e-5, &what);
        let found = super::split(&projected, heads, None).unwrap();
        assert_same(found, split, 0.0, "not rotated");
    }
}

#[test]
fn linear_maps() {
    for (tokens, inputs, outputs) in [(1, 1, 1), (3, 5, 7), (9, 64, 33), (40, 130, 70)] {
        let input = random([2, tokens, inputs], 1, 1.0);
        let bias = random([outputs], 3, 1.0);
        let what = format!("{tokens} {inputs} {outputs}");
        // As it lies in memory, and as a transposed view.
        for weight in [
            random([inputs, outputs], 2, 1.0),
            random([outputs, inputs], 2, 1.0).transpose(),
        ] {
            for bias in [None, Some(&bias)] {
                let found = super::linear(&input, &weight, bias).unwrap();
                let expected = module::linear(input.clone(), weight.clone(), bias.cloned());
                assert_same(found, expected, 2e-5, &what);
            }
        }
    }
}

#[test]
fn likelihoods() {
    for vocabulary in [1, 7, 32, 1000, 9001] {
        let targets = 21;
        let mut logits = numbers(targets * vocabulary, 1, 30.0);
        // A row with NaN where no target looks, and one with an infinite logit.
        logits[3 * vocabulary + vocabulary / 2] = f32::NAN;
        logits[5 * vocabulary + vocabulary / 2] = f32::INFINITY;
        let ids: Vec<i32> = (0..targets)
            .map(|row| (row * 31 % vocabulary) as i32)
            .collect();
        let logits = tensor(logits, [1, targets, vocabulary]);
        let found = super::log_probabilities(&logits, &ids).unwrap();
        let places = Tensor::<1, Int>::from_data(ids.as_slice(), &Device::flex()).unsqueeze_dim(1);
        let expected = log_softmax(logits.squeeze_dim::<2>(0), 1)
            .gather(1, places)
            .squeeze_dim(1);
        let broken = values(found.clone());
        assert!(broken[3].is_nan() && broken[5].is_nan(), "{vocabulary}");
        assert_same(found, expected, 1e-5, &format!("of {vocabulary}"));
    }
}

#[test]
fn tensors_watched_for_gradients_are_left_to_others() {
    let device = Device::flex().autodiff();
    let watched = Tensor::<3>::from_data(TensorData::new(vec![1.0f32; 4], [1, 1, 4]), &device);
    assert!(super::gated(Activation::Silu, &watched, &watched).is_none());
}
