//! Weights of two bytes a value on a GPU.

use burn_cubecl::{kernel::into_contiguous, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{
    super::gpu::{UNITS, beside, group, groups, groups_of, numbers},
    packed::Form,
};

/// Inputs of this many rows at most are multiplied value by value as they are read; of more, the weight becomes float32 first,
/// once for all of them.
const FEW_ROWS: usize = 4;

/// All values of a weight `[outputs, inputs]`.
pub(super) fn unpacked(words: CubeTensor, form: Form, [outputs, inputs]: [usize; 2]) -> CubeTensor {
    let words = into_contiguous(words);
    let output = beside(&words, [outputs, inputs]);
    let per_row = inputs.div_ceil(2);
    let total = outputs * per_row;
    let client = words.client.clone();
    unpack::launch(
        &client,
        groups_of(total),
        CubeDim::new_1d(UNITS as u32),
        words.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        total as u32,
        per_row as u32,
        inputs as u32,
        form == Form::F16,
    );
    output
}

/// `input` `[batch, tokens, inputs]` times the weight, where it has few rows; else none.
pub(super) fn few_rows(
    input: &CubeTensor,
    words: CubeTensor,
    form: Form,
    [outputs, inputs]: [usize; 2],
) -> Option<CubeTensor> {
    let input = numbers(input)?;
    let [batch, tokens, _] = input.meta.shape().dims::<3>();
    let rows = batch * tokens;
    if rows == 0 || rows > FEW_ROWS || outputs == 0 {
        return None;
    }
    let words = into_contiguous(words);
    let output = beside(&input, [batch, tokens, outputs]);
    let client = input.client.clone();
    products::launch(
        &client,
        groups(rows * outputs),
        CubeDim::new_1d(UNITS as u32),
        input.into_buffer_arg(),
        words.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        rows as u32,
        outputs as u32,
        inputs as u32,
        inputs.div_ceil(2) as u32,
        form == Form::F16,
    );
    Some(output)
}

/// One unit for each two values.
#[cube(launch)]
fn unpack(
    words: &[u32],
    output: &mut [f32],
    total: u32,
    per_row: u32,
    inputs: u32,
    #[comptime] is_f16: bool,
) {
    let index = group() * UNITS + UNIT_POS as usize;
    if index < total as usize {
        let word = words[index];
        let (per_row, inputs) = (per_row as usize, inputs as usize);
        let column = index % per_row * 2;
        let place = index / per_row * inputs + column;
        output[place] = widened(word & 0xffff, is_f16);
        if column + 1 < inputs {
            output[place + 1] = widened(word >> 16, is_f16);
        }
    }
}

/// One workgroup for each number. Those beyond the last do it once more: none may leave before the others are in step.
#[cube(launch)]
fn products(
    input: &[f32],
    words: &[u32],
    output: &mut [f32],
    rows: u32,
    outputs: u32,
    inputs: u32,
    per_row: u32,
    #[comptime] is_f16: bool,
) {
    let unit = UNIT_POS as usize;
    let (outputs, inputs, per_row) = (outputs as usize, inputs as usize, per_row as usize);
    let last = rows as usize * outputs - 1;
    let number = select(group() < last, group(), last);
    let start = number / outputs * inputs;
    let first = number % outputs * per_row;
    let mut sums = Shared::<[f32]>::new_slice(UNITS);
    let mut own = 0.0f32;
    for pair in range_stepped(unit, per_row, UNITS) {
        let word = words[first + pair];
        let column = pair * 2;
        own += input[start + column] * widened(word & 0xffff, is_f16);
        if column + 1 < inputs {
            own += input[start + column + 1] * widened(word >> 16, is_f16);
        }
    }
    sums[unit] = own;
    sync_cube();
    if unit == 0 {
        let mut sum = 0.0f32;
        for other in 0..UNITS {
            sum += sums[other];
        }
        output[number] = sum;
    }
}

/// A finite value of two bytes by its bits, without a branch. Those of IEEE's binary16 below the normal ones become the sum of
/// a power of two and their fraction first, less that power.
#[cube]
fn widened(bits: u32, #[comptime] is_f16: bool) -> f32 {
    if comptime!(is_f16) {
        // 112 is from the bias of one exponent to that of the other, 113 stands for 2^-14, the least normal value.
        let magnitude = (bits & 0x7fff) << 13;
        let normal = f32::reinterpret(magnitude + (112u32 << 23));
        let below = f32::reinterpret(magnitude | (113u32 << 23)) - f32::reinterpret(113u32 << 23);
        let value = select(magnitude < (1u32 << 23), below, normal);
        select((bits & 0x8000) != 0u32, -value, value)
    } else {
        f32::reinterpret(bits << 16)
    }
}
