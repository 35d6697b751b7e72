//! Attention on the processor, head by head within its cache.

use std::ops::Range;

use burn::backend::{Flex, flex::FlexTensor};
use pulp::{Simd, WithSimd};

use super::{
    super::cpu::{FlexValues, by_parts, by_rows, exponential, tensor, vectorised},
    AttentionOps, Mask, by_definition,
};

/// Queries that share what is loaded of keys and values.
const QUERIES: usize = 4;
/// Vectors of keys, or of a value's channels, that they share it with.
const VECTORS: usize = 2;
/// Stands for minus infinity among scores.
const HIDDEN: f32 = -1e30;
/// A weight of e to this, beside the greatest, which is 1, is far below what float32 tells apart; it is 0, since products
/// with less would be denormal, for which processors need a hundred times as long.
const NEGLIGIBLE: f32 = -50.0;

impl AttentionOps for Flex {
    fn attend(
        queries: FlexTensor,
        keys: FlexTensor,
        values: FlexTensor,
        mask: &Mask,
        scale: f64,
        soft_cap: Option<f64>,
    ) -> FlexTensor {
        mask.spans()
            .and_then(|visible| fast(&queries, &keys, &values, visible, scale, soft_cap))
            .unwrap_or_else(|| by_definition::<Self>(queries, keys, values, mask, scale, soft_cap))
    }
}

/// Of each query `[batch or 1, tokens]`, `visible` says which keys it sees; one that sees none gives 0.
fn fast(
    queries: &FlexTensor,
    keys: &FlexTensor,
    values: &FlexTensor,
    visible: &[Range<usize>],
    scale: f64,
    soft_cap: Option<f64>,
) -> Option<FlexTensor> {
    let [batch, heads, tokens, dim] = queries.layout().shape().dims();
    let [_, kv_heads, seen, _] = keys.layout().shape().dims();
    let (queries, keys, values) = (
        FlexValues::of(queries)?,
        FlexValues::of(keys)?,
        FlexValues::of(values)?,
    );
    let (queries, keys, values) = (queries.get(), keys.get(), values.get());
    let mut by_head = vec![0.0; queries.len()];
    let part_length = heads / kv_heads * tokens * dim;
    by_parts(&mut by_head, part_length, |part, output| {
        let sequence = (part / kv_heads * tokens) % visible.len();
        let shared = part * seen * dim..(part + 1) * seen * dim;
        vectorised(KeyHead {
            queries: &queries[part * part_length..][..output.len()],
            keys: &keys[shared.clone()],
            values: &values[shared],
            visible: &visible[sequence..sequence + tokens],
            dim,
            scale: scale as f32,
            soft_cap: soft_cap.map(|cap| cap as f32),
            output,
        });
    });
    // [batch, heads, tokens, dim] to [batch, tokens, heads * dim]
    let mut merged = vec![0.0; by_head.len()];
    by_rows(&mut merged, heads * dim, |first, output| {
        for (row, output) in output.chunks_exact_mut(heads * dim).enumerate() {
            let (sequence, token) = ((first + row) / tokens, (first + row) % tokens);
            for (head, output) in output.chunks_exact_mut(dim).enumerate() {
                let place = ((sequence * heads + head) * tokens + token) * dim;
                output.copy_from_slice(&by_head[place..place + dim]);
            }
        }
    });
    Some(tensor(merged, [batch, tokens, heads * dim]))
}

/// The query heads of one sequence that share a key head.
struct KeyHead<'a> {
    /// `[heads, tokens, dim]`, as is the output.
    queries: &'a [f32],
    /// `[seen, dim]`, as are the values.
    keys: &'a [f32],
    values: &'a [f32],
    visible: &'a [Range<usize>],
    dim: usize,
    scale: f32,
    soft_cap: Option<f32>,
    output: &'a mut [f32],
}

impl WithSimd for KeyHead<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (dim, block) = (self.dim, VECTORS * S::F32_LANES);
        let seen = self.keys.len() / dim;
        let channel_blocks = dim.div_ceil(block);
        let keys = packed_keys(self.keys, dim, block);
        let values = packed_values(self.values, dim, block);
        let (keys, values) = (S::as_simd_f32s(&keys).0, S::as_simd_f32s(&values).0);
        let tokens = self.visible.len();
        let width = seen.next_multiple_of(block);
        let mut scores = vec![0.0; QUERIES * width];
        let mut mixed = vec![0.0; QUERIES * channel_blocks * block];
        let heads = self.queries.chunks_exact(tokens * dim);
        for (queries, output) in heads.zip(self.output.chunks_exact_mut(tokens * dim)) {
            for first in (0..tokens).step_by(QUERIES) {
                // The last queries are taken again rather than fewer at once.
                let mut rows = [first; QUERIES];
                for (row, place) in rows.iter_mut().enumerate() {
                    *place = (first + row).min(tokens - 1);
                }
                let (mut start, mut end) = (seen, 0);
                for row in rows {
                    start = start.min(self.visible[row].start);
                    end = end.max(self.visible[row].end);
                }
                let start = start / block * block;
                let within = start..end.next_multiple_of(block).max(start);
                let mut asked = [&queries[..dim]; QUERIES];
                for (row, asked) in rows.iter().zip(&mut asked) {
                    *asked = &queries[row * dim..(row + 1) * dim];
                }
                score(simd, asked, keys, within.clone(), &mut scores);
                let mut sums = [0.0; QUERIES];
                for (number, sum) in sums.iter_mut().enumerate() {
                    let scores = &mut scores[number * width..(number + 1) * width];
                    let span = &self.visible[rows[number]];
                    let visible = span.start.max(start) - start..span.end.max(start) - start;
                    let scores = &mut scores[within.clone()];
                    *sum = match self.soft_cap {
                        Some(cap) => {
                            bound(simd, scores, self.scale, cap);
                            weigh(simd, scores, visible, 1.0)
                        }
                        None => weigh(simd, scores, visible, self.scale),
                    };
                }
                mingle(
                    simd,
                    &scores,
                    values,
                    seen,
                    start..end.max(start),
                    &mut mixed,
                );
                for (number, sum) in sums.iter().enumerate() {
                    let mixed = &mixed[number * channel_blocks * block..][..dim];
                    let output = &mut output[rows[number] * dim..][..dim];
                    // Of a sum that is no number, what is mixed is none either.
                    let factor = if *sum > 0.0 { 1.0 / sum } else { 0.0 };
                    for (output, mixed) in output.iter_mut().zip(mixed) {
                        *output = mixed * factor;
                    }
                }
            }
        }
    }
}

/// Keys `[seen, dim]` in blocks of `block` neighbours, `[blocks, dim, block]`, filled up with zeros.
fn packed_keys(keys: &[f32], dim: usize, block: usize) -> Vec<f32> {
    let mut packed = vec![0.0; (keys.len() / dim).div_ceil(block) * dim * block];
    for (place, key) in keys.chunks_exact(dim).enumerate() {
        let start = place / block * dim * block + place % block;
        for (channel, value) in key.iter().enumerate() {
            packed[start + channel * block] = *value;
        }
    }
    packed
}

/// Values `[seen, dim]` in blocks of channels, `[blocks, seen, block]`, filled up with zeros.
fn packed_values(values: &[f32], dim: usize, block: usize) -> Vec<f32> {
    let seen = values.len() / dim;
    let mut packed = vec![0.0; dim.div_ceil(block) * seen * block];
    for (place, value) in values.chunks_exact(dim).enumerate() {
        for (number, part) in value.chunks(block).enumerate() {
            let start = (number * seen + place) * block;
            packed[start..start + part.len()].copy_from_slice(part);
        }
    }
    packed
}

// No closures in what follows: they would not be compiled for the wide instructions.

/// Products of queries and the keys of whole blocks, into `[queries, keys]`.
#[inline(always)]
fn score<S: Simd>(
    simd: S,
    queries: [&[f32]; QUERIES],
    keys: &[S::f32s],
    within: Range<usize>,
    scores: &mut [f32],
) {
    let dim = queries[0].len();
    let (scores, _) = S::as_mut_simd_f32s(scores);
    let width = scores.len() / QUERIES;
    let block = VECTORS * S::F32_LANES;
    for block in within.start / block..within.end / block {
        let keys = &keys[block * dim * VECTORS..(block + 1) * dim * VECTORS];
        let sums = products(simd, queries, keys);
        for (row, sums) in sums.iter().enumerate() {
            scores[row * width + block * VECTORS..][..VECTORS].copy_from_slice(sums);
        }
    }
}

/// Scores of one query to cap · tanh(scale · score / cap).
#[inline(always)]
fn bound<S: Simd>(simd: S, scores: &mut [f32], scale: f32, cap: f32) {
    let (scores, _) = S::as_mut_simd_f32s(scores);
    let (one, two) = (simd.splat_f32s(1.0), simd.splat_f32s(2.0));
    let double = simd.splat_f32s(2.0 * scale / cap);
    let cap = simd.splat_f32s(cap);
    for score in scores {
        // tanh(x) = 1 − 2 / (e^2x + 1): wrong by some 1e-7 of the bound, as far as a score is from another.
        let grown = exponential(simd, simd.mul_f32s(double, *score));
        let rest = simd.div_f32s(two, simd.add_f32s(grown, one));
        *score = simd.mul_f32s(cap, simd.sub_f32s(one, rest));
    }
}

/// Scores of one query to e^(scale · (score − the greatest)), 0 for what is negligible or not visible; gives their sum.
#[inline(always)]
fn weigh<S: Simd>(simd: S, scores: &mut [f32], visible: Range<usize>, scale: f32) -> f32 {
    if visible.is_empty() {
        scores.fill(0.0);
        return 0.0;
    }
    scores[..visible.start].fill(HIDDEN);
    scores[visible.end..].fill(HIDDEN);
    let (scores, _) = S::as_mut_simd_f32s(scores);
    let mut greatest = simd.splat_f32s(HIDDEN);
    for score in scores.iter() {
        greatest = simd.max_f32s(greatest, *score);
    }
    let greatest = simd.splat_f32s(simd.reduce_max_f32s(greatest));
    let scale = simd.splat_f32s(scale);
    let mut sum = simd.splat_f32s(0.0);
    for score in scores {
        let distance = simd.mul_f32s(scale, simd.sub_f32s(*score, greatest));
        // NaN is not negligible.
        let negligible = simd.less_than_or_equal_f32s(distance, simd.splat_f32s(NEGLIGIBLE));
        *score = simd.select_f32s(
            negligible,
            simd.splat_f32s(0.0),
            exponential(simd, distance),
        );
        sum = simd.add_f32s(sum, *score);
    }
    simd.reduce_sum_f32s(sum)
}

/// Sums of values `[channel blocks, seen, block]` by weights `[queries, width]`, into `[queries, channel blocks, block]`.
#[inline(always)]
fn mingle<S: Simd>(
    simd: S,
    weights: &[f32],
    values: &[S::f32s],
    seen: usize,
    within: Range<usize>,
    mixed: &mut [f32],
) {
    let width = weights.len() / QUERIES;
    let (a, rest) = weights.split_at(width);
    let (b, rest) = rest.split_at(width);
    let (c, d) = rest.split_at(width);
    let (a, b) = (&a[within.clone()], &b[within.clone()]);
    let (c, d) = (&c[within.clone()], &d[within.clone()]);
    let (mixed, _) = S::as_mut_simd_f32s(mixed);
    let stride = mixed.len() / QUERIES;
    for (number, values) in values.chunks_exact(seen * VECTORS).enumerate() {
        let values = &values[within.start * VECTORS..within.end * VECTORS];
        let sums = products(simd, [a, b, c, d], values);
        for (row, sums) in sums.iter().enumerate() {
            mixed[row * stride + number * VECTORS..][..VECTORS].copy_from_slice(sums);
        }
    }
}

/// Of each row of numbers, the sum of its products with vectors, [`VECTORS`] for each number.
#[inline(always)]
fn products<S: Simd>(
    simd: S,
    [a, b, c, d]: [&[f32]; QUERIES],
    vectors: &[S::f32s],
) -> [[S::f32s; VECTORS]; QUERIES] {
    // Variables, since the compiler writes an array of sums to memory at every step: what is read then waits for it wherever
    // their addresses are alike, which cost a fifth of a forward pass.
    let zero = simd.splat_f32s(0.0);
    let (mut a0, mut b0, mut c0, mut d0) = (zero, zero, zero, zero);
    let (mut a1, mut b1, mut c1, mut d1) = (zero, zero, zero, zero);
    let numbers = a.iter().zip(b).zip(c).zip(d);
    for ((((a, b), c), d), [first, second]) in numbers.zip(vectors.as_chunks::<VECTORS>().0) {
        let (first, second) = (*first, *second);
        let (a, b) = (simd.splat_f32s(*a), simd.splat_f32s(*b));
        let (c, d) = (simd.splat_f32s(*c), simd.splat_f32s(*d));
        a0 = simd.mul_add_e_f32s(a, first, a0);
        a1 = simd.mul_add_e_f32s(a, second, a1);
        b0 = simd.mul_add_e_f32s(b, first, b0);
        b1 = simd.mul_add_e_f32s(b, second, b1);
        c0 = simd.mul_add_e_f32s(c, first, c0);
        c1 = simd.mul_add_e_f32s(c, second, c1);
        d0 = simd.mul_add_e_f32s(d, first, d0);
        d1 = simd.mul_add_e_f32s(d, second, d1);
    }
    [[a0, a1], [b0, b1], [c0, c1], [d0, d1]]
}
