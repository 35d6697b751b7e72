//! The compute shader. One dispatch for each activation reads it once and leaves counts and, for each chunk of
//! tokens and channel, moments; one dispatch for a whole page of activations merges those into the results of
//! each row, which is a sequence of one activation.

use cubecl::prelude::*;
use layerlab_stats::BINS;

use super::{
    layout::{MEAN_PARTS, QUANTUM, count, total},
    moments::{Partial, merged, nothing, power_of_two, scaled},
};
use crate::ops::pairs::{
    CHUNK, PAIR_PARTS, UNITS,
    gpu::{add_channel, write_sums},
};

/// Units of a workgroup of the second dispatch.
pub(super) const MERGE_UNITS: usize = 128;
/// Floats that the first dispatch leaves for each chunk and channel.
pub(super) const PARTIAL_PARTS: usize = 7;

/// Bits of infinity; of every magnitude that is not finite these exponent bits are set.
const INFINITE: u32 = 0x7f80_0000;
/// Stands for a value that takes no part: padding, NaN or infinite.
const ABSENT: u32 = 0x7fc0_0000;
/// Bits of 2^-40, the first edge of the histogram, at the resolution of bins.
const FIRST_KEY: u32 = (127 - 40) << 3;

/// One workgroup for each chunk of tokens (x) of each sequence (y). `hidden` and `other` are the bits
/// of `[batch, tokens, channels]`; the first sequence is the page's row `first_row`, and its pair sums begin at
/// `first_pair` of the results.
#[cube(launch)]
pub(super) fn measure_chunk(
    hidden: &[u32],
    other: &[u32],
    mask: &[i32],
    partials: &mut [f32],
    counts: &[Atomic<u32>],
    results: &mut [f32],
    tokens: u32,
    channels: u32,
    first_row: u32,
    first_pair: u32,
    threshold_bits: u32,
    #[comptime] with_pair: bool,
) {
    let unit = UNIT_POS as usize;
    let tokens = tokens as usize;
    let channels = channels as usize;
    let first = CUBE_POS_X as usize * CHUNK;
    let start = CUBE_POS_Y as usize * tokens + first;
    let row = (first_row + CUBE_POS_Y) as usize;
    let here = select(tokens - first < CHUNK, tokens - first, CHUNK.runtime());

    let tally = Shared::<[Atomic<u32>]>::new_slice(comptime![count::PARTS]);
    for index in range_stepped(unit, count::PARTS, UNITS) {
        tally[index].store(0);
    }
    let mut sums = Array::<f32>::new(comptime![if with_pair { CHUNK * 4 } else { 1 }]);
    if with_pair {
        #[unroll]
        for index in 0..CHUNK * 4 {
            sums[index] = 0.0f32;
        }
    }
    sync_cube();

    let mut bits = Array::<u32>::new(CHUNK);
    for channel in range_stepped(unit, channels, UNITS) {
        let mut present = 0u32;
        let mut below = 0u32;
        let mut largest = 0u32;
        #[unroll]
        for token in 0..CHUNK {
            bits[token] = ABSENT;
            if token < here {
                let index = (start + token) * channels + channel;
                let value = hidden[index];
                if with_pair {
                    let input = f32::reinterpret(other[index]);
                    add_channel(&mut sums, token, input, f32::reinterpret(value));
                }
                if mask[start + token] == 1 {
                    let magnitude = value & 0x7fff_ffff;
                    if magnitude < INFINITE {
                        bits[token] = value;
                        present += 1;
                        below += u32::cast_from(magnitude < threshold_bits);
                        largest = select(magnitude > largest, magnitude, largest);
                        tally[count::HISTOGRAM + bin_of(magnitude)].fetch_add(1);
                    } else if magnitude == INFINITE {
                        tally[count::INF].fetch_add(1);
                    } else {
                        tally[count::NAN].fetch_add(1);
                    }
                }
            }
        }
        tally[count::FINITE].fetch_add(present);
        tally[count::BELOW].fetch_add(below);
        tally[count::MAX_BITS].fetch_max(largest);
        let base = (row * CUBE_COUNT_X as usize + CUBE_POS_X as usize) * PARTIAL_PARTS;
        write_partial(
            chunk_moments(&bits, present, largest),
            partials,
            base * channels + channel,
            channels,
        );
    }
    if with_pair {
        let pairs = first_pair as usize + start * PAIR_PARTS;
        write_sums(&sums, results, pairs, here);
    }

    sync_cube();
    for index in range_stepped(unit, count::PARTS, UNITS) {
        let value = tally[index].load();
        if value > 0 {
            if index == count::MAX_BITS {
                counts[row * count::PARTS + index].fetch_max(value);
            } else {
                counts[row * count::PARTS + index].fetch_add(value);
            }
        }
    }
}

/// The histogram's bin of a magnitude by its bits.
#[cube]
fn bin_of(magnitude: u32) -> usize {
    let key = (magnitude >> 20) + 1;
    let above = select(key > FIRST_KEY, key - FIRST_KEY, 0);
    let last = comptime![BINS as u32 - 1];
    select(above < last, above, last.runtime()) as usize
}

/// Moments of the values that are present, read three times from registers: their sum as integers,
/// then their deviations from the mean.
#[cube]
fn chunk_moments(bits: &Array<u32>, present: u32, largest: u32) -> Partial {
    let exponent = largest >> 23;
    let unit = select(exponent > 1, exponent, 1);
    let count = i32::cast_from(select(present > 0, present, 1));
    let mut whole_sum = 0i32;
    let mut rest_sum = 0.0f32;
    #[unroll]
    for token in 0..CHUNK {
        if bits[token] != ABSENT {
            let quanta = scaled(bits[token], unit) / QUANTUM;
            let whole = i32::cast_from(quanta);
            whole_sum += whole;
            rest_sum += quanta - f32::cast_from(whole);
        }
    }
    let mean = whole_sum / count;
    let remainder = whole_sum - mean * count;
    let rest = (f32::cast_from(remainder) + rest_sum) / f32::cast_from(count);
    let mut m2 = 0.0f32;
    let mut m3 = 0.0f32;
    let mut m4 = 0.0f32;
    #[unroll]
    for token in 0..CHUNK {
        if bits[token] != ABSENT {
            let quanta = scaled(bits[token], unit) / QUANTUM;
            let whole = i32::cast_from(quanta);
            let below = (quanta - f32::cast_from(whole)) - rest;
            let deviation = (f32::cast_from(whole - mean) + below) * QUANTUM;
            let square = deviation * deviation;
            m2 += square;
            m3 += square * deviation;
            m4 += square * square;
        }
    }
    Partial {
        count: present,
        unit,
        whole: mean,
        rest,
        m2,
        m3,
        m4,
    }
}

/// Parts lie `stride` apart, so that neighbouring units write neighbouring floats.
#[cube]
fn write_partial(part: Partial, into: &mut [f32], start: usize, stride: usize) {
    into[start] = f32::cast_from(part.count);
    into[start + stride] = f32::cast_from(part.unit);
    into[start + 2 * stride] = f32::cast_from(part.whole);
    into[start + 3 * stride] = part.rest;
    into[start + 4 * stride] = part.m2;
    into[start + 5 * stride] = part.m3;
    into[start + 6 * stride] = part.m4;
}

#[cube]
fn read_partial(from: &[f32], start: usize, stride: usize) -> Partial {
    Partial {
        count: u32::cast_from(from[start]),
        unit: u32::cast_from(from[start + stride]),
        whole: i32::cast_from(from[start + 2 * stride]),
        rest: from[start + 3 * stride],
        m2: from[start + 4 * stride],
        m3: from[start + 5 * stride],
        m4: from[start + 6 * stride],
    }
}

/// One workgroup for each row: chunks merge into channels, channels into the row.
#[cube(launch)]
pub(super) fn merge_chunks(partials: &[f32], results: &mut [f32], chunks: u32, channels: u32) {
    let unit = UNIT_POS as usize;
    let row = CUBE_POS_X as usize;
    let chunks = chunks as usize;
    let channels = channels as usize;
    let means = row * (MEAN_PARTS * channels + total::PARTS);
    let totals = means + MEAN_PARTS * channels;

    // Running moments live in each unit's own place of shared memory: a struct cannot be assigned
    // anew in a shader.
    let mut shared = Shared::<[f32]>::new_slice(comptime![PARTIAL_PARTS * MERGE_UNITS]);
    let mut current = Shared::<[f32]>::new_slice(comptime![PARTIAL_PARTS * MERGE_UNITS]);
    write_partial(nothing(), &mut shared, unit, MERGE_UNITS);
    let mut channel_m2 = 0.0f32;
    let mut channel_unit = 1u32;
    for channel in range_stepped(unit, channels, MERGE_UNITS) {
        write_partial(nothing(), &mut current, unit, MERGE_UNITS);
        for chunk in 0..chunks {
            let base = (row * chunks + chunk) * PARTIAL_PARTS * channels;
            let next = read_partial(partials, base + channel, channels);
            write_partial(
                merged(read_partial(&current, unit, MERGE_UNITS), next),
                &mut current,
                unit,
                MERGE_UNITS,
            );
        }
        let own = read_partial(&current, unit, MERGE_UNITS);
        let mean = means + channel;
        results[mean] = f32::cast_from(own.whole);
        results[mean + channels] = own.rest;
        results[mean + 2 * channels] = f32::cast_from(own.unit);
        let coarser = select(own.unit > channel_unit, own.unit, channel_unit);
        channel_m2 =
            in_unit(channel_m2, channel_unit, coarser) + in_unit(own.m2, own.unit, coarser);
        channel_unit = coarser;
        write_partial(
            merged(read_partial(&shared, unit, MERGE_UNITS), own),
            &mut shared,
            unit,
            MERGE_UNITS,
        );
    }

    let mut shared_m2 = Shared::<[f32]>::new_slice(MERGE_UNITS);
    let mut shared_unit = Shared::<[u32]>::new_slice(MERGE_UNITS);
    shared_m2[unit] = channel_m2;
    shared_unit[unit] = channel_unit;
    sync_cube();
    let mut half = MERGE_UNITS.runtime() / 2;
    while half > 0 {
        if unit < half {
            let upper = read_partial(&shared, unit + half, MERGE_UNITS);
            let own = read_partial(&shared, unit, MERGE_UNITS);
            write_partial(merged(own, upper), &mut shared, unit, MERGE_UNITS);
            let (mine, theirs) = (shared_unit[unit], shared_unit[unit + half]);
            let coarser = select(mine > theirs, mine, theirs);
            shared_m2[unit] = in_unit(shared_m2[unit], mine, coarser)
                + in_unit(shared_m2[unit + half], theirs, coarser);
            shared_unit[unit] = coarser;
        }
        sync_cube();
        half /= 2;
    }
    if unit == 0 {
        let all = read_partial(&shared, 0, MERGE_UNITS);
        results[totals + total::UNIT] = f32::cast_from(all.unit);
        results[totals + total::WHOLE] = f32::cast_from(all.whole);
        results[totals + total::REST] = all.rest;
        results[totals + total::M2] = all.m2;
        results[totals + total::M2 + 1] = all.m3;
        results[totals + total::M2 + 2] = all.m4;
        results[totals + total::CHANNEL_M2] = shared_m2[0];
        results[totals + total::CHANNEL_UNIT] = f32::cast_from(shared_unit[0]);
    }
}

/// A sum of squares in the square of a coarser unit.
#[cube]
fn in_unit(squares: f32, unit: u32, coarser: u32) -> f32 {
    let factor = power_of_two(i32::cast_from(unit) - i32::cast_from(coarser) + 127);
    squares * factor * factor
}
