//! Attention on every device equals its definition on the processor, in batches as decoders have them.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use burn::tensor::Device;
use layerlab_kernels::ops::attention::{Mask, attend, reference};
use proptest::prelude::*;
use support::{
    devices,
    tensors::{agree, numbers, random, tensor, values},
};

/// Where every token of a sequence stands; none is padding.
type Row = Vec<Option<usize>>;

/// Queries, keys and values of sequences, and what attention makes of them.
#[derive(Debug, Clone)]
struct Case {
    lengths: Vec<usize>,
    /// Tokens of each that were read before; the batch is padded on the left where there are any.
    cached: usize,
    at_the_left: bool,
    window: Option<usize>,
    kv_heads: usize,
    group: usize,
    dim: usize,
    soft_cap: Option<f64>,
    seed: u32,
}

/// Adds to each row as many tokens as the longest sequence has, padding included.
fn pad(rows: &mut [Row], lengths: &[usize], at_the_left: bool) {
    let most = lengths.iter().max().copied().unwrap_or(0);
    for (row, length) in rows.iter_mut().zip(lengths) {
        let mut next = row.iter().flatten().count();
        for token in 0..most {
            let is_real = if at_the_left {
                token >= most - length
            } else {
                token < *length
            };
            row.push(is_real.then_some(next));
            next += usize::from(is_real);
        }
    }
}

impl Case {
    /// Positions of all tokens of each sequence, and how many of them are new.
    fn positions(&self) -> (Vec<Row>, usize) {
        let batch = self.lengths.len();
        let mut rows = vec![Vec::new(); batch];
        let lengths = if self.cached > 0 {
            let before: Vec<usize> = (0..batch).map(|row| self.cached + row).collect();
            pad(&mut rows, &before, true);
            // What follows a cache is as long for all.
            vec![self.lengths[0]; batch]
        } else {
            self.lengths.clone()
        };
        pad(&mut rows, &lengths, self.at_the_left);
        (rows, lengths.into_iter().max().unwrap_or(0))
    }

    /// `[batch or 1, queries, keys]`: which keys each query sees.
    fn seen(&self, rows: &[Row], new: usize) -> ([usize; 3], Vec<bool>) {
        let rows = match rows.iter().all(|row| *row == rows[0]) {
            true => &rows[..1],
            false => rows,
        };
        let keys = rows[0].len();
        let mut seen = Vec::new();
        for row in rows {
            for query in &row[keys - new..] {
                seen.extend(row.iter().map(|key| match (query, key) {
                    (Some(query), Some(key)) => {
                        key <= query && self.window.is_none_or(|window| query - key < window)
                    }
                    _ => false,
                }));
            }
        }
        ([rows.len(), new, keys], seen)
    }

    /// What a device and the definition make of every row that is real, with its number.
    fn mixed(&self, device: &Device, spoil: impl Fn(&mut [f32])) -> Vec<([f32; 2], usize)> {
        let (rows, tokens) = self.positions();
        let (shape, seen) = self.seen(&rows, tokens);
        let keys = rows[0].len();
        let (batch, heads, dim) = (rows.len(), self.kv_heads * self.group, self.dim);
        let scale = 1.0 / (dim as f64).sqrt();
        let inputs = |device: &Device| {
            let shape = [batch, self.kv_heads, keys, dim];
            let mut keys = numbers(shape.iter().product(), self.seed + 1, 2.0);
            spoil(&mut keys);
            (
                random([batch, heads, tokens, dim], self.seed, 2.0, device),
                tensor(keys, shape, device),
                random(shape, self.seed + 2, 1.0, device),
            )
        };
        let (queries, keys, contents) = inputs(device);
        let mask = Mask::new(shape, seen.clone(), device);
        let found = attend(queries, keys, contents, &mask, scale, self.soft_cap);
        let (queries, keys, contents) = inputs(&Device::flex());
        let mask = Mask::new(shape, seen, &Device::flex());
        let expected = reference::attend(queries, keys, contents, &mask, scale, self.soft_cap);
        assert_eq!(found.dims(), expected.dims());
        let width = heads * dim;
        let is_real = |row: usize| {
            let row = &rows[row / tokens][rows[0].len() - tokens + row % tokens];
            row.is_some()
        };
        let pairs = values(found).into_iter().zip(values(expected));
        let rows = pairs
            .enumerate()
            .map(|(place, (found, expected))| ([found, expected], place / width));
        rows.filter(|(_, row)| is_real(*row)).collect()
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
    let cached = prop_oneof![Just(0usize), 1usize..70];
    let lengths = prop::collection::vec(length, 1..4);
    let heads = (1usize..4, 1usize..4);
    let at_the_left = any::<bool>();
    (
        lengths,
        cached,
        at_the_left,
        window,
        heads,
        dim,
        // Scores are a few units high: bounds that all of them feel, some, and hardly any.
        prop::sample::select(vec![None, None, Some(0.5), Some(4.0), Some(50.0)]),
        any::<u16>(),
    )
        .prop_map(
            |(lengths, cached, at_the_left, window, (kv_heads, group), dim, soft_cap, seed)| Case {
                lengths,
                cached,
                at_the_left,
                window,
                kv_heads,
                group,
                dim,
                soft_cap,
                seed: seed.into(),
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn attention(case in cases()) {
        for (name, device) in devices() {
            // A GPU, which the processor may have to imitate, takes one case in ten.
            if name != "cpu" && case.seed % 10 > 0 {
                continue;
            }
            for ([found, expected], row) in case.mixed(&device, |_| ()) {
                let same = agree(found, expected, 2e-5);
                prop_assert!(same, "{}, row {}: {} for {}", name, row, found, expected);
            }
        }
    }
}

/// A window that ends far behind the first block of keys, whose start must be found.
#[test]
fn attention_within_a_window_beyond_the_first_block() {
    let case = Case {
        lengths: vec![150],
        cached: 0,
        at_the_left: false,
        window: Some(20),
        kv_heads: 2,
        group: 2,
        dim: 16,
        soft_cap: None,
        seed: 3,
    };
    for (name, device) in devices() {
        for ([found, expected], row) in case.mixed(&device, |_| ()) {
            let same = agree(found, expected, 2e-5);
            assert!(same, "{name}, row {row}: {found} for {expected}");
        }
    }
}

/// Keys with gaps between them are no range, and left to the definition.
#[test]
fn attention_over_gaps() {
    let seen: Vec<bool> = (0..6 * 6).map(|place| place % 6 % 2 == 0).collect();
    for (name, device) in devices() {
        let mix = |device: &Device, form: fn(_, _, _, &Mask, f64, Option<f64>) -> _| {
            let random = |seed| random([1, 2, 6, 8], seed, 1.0, device);
            let mask = Mask::new([1, 6, 6], seen.clone(), device);
            values::<3>(form(random(1), random(2), random(3), &mask, 0.4, Some(1.5)))
        };
        let expected = mix(&Device::flex(), reference::attend);
        for (found, expected) in mix(&device, attend).into_iter().zip(expected) {
            assert!(
                agree(found, expected, 2e-5),
                "{name}: {found} for {expected}"
            );
        }
    }
}

/// A query whose scores are no numbers, or infinite, must not look like one that sees nothing, or like a healthy one. On
/// the processor: a GPU need not keep NaN and infinities.
#[test]
fn attention_to_what_is_no_number_is_no_number() {
    for (broken, at) in [(f32::NAN, 0), (f32::NAN, 37), (f32::INFINITY, 12)] {
        let case = Case {
            lengths: vec![50],
            cached: 0,
            at_the_left: false,
            window: None,
            kv_heads: 1,
            group: 1,
            dim: 8,
            soft_cap: None,
            seed: 5,
        };
        // All channels of one key, so that products of both signs are infinite.
        let spoil = |keys: &mut [f32]| keys[8 * at..8 * (at + 1)].fill(broken);
        let mut seeing = 0;
        for ([found, expected], row) in case.mixed(&Device::flex(), spoil) {
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
