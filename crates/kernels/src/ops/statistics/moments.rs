//! Moments in float32 that survive large means, tiny deviations and extreme magnitudes.
//!
//! A set of numbers is kept as its count, the exponent of its unit, its mean and its central sums, in
//! that unit. The mean is a whole number of quanta (2^-22 units) and a rest: two means that differ by
//! less than a float32 of their size can tell are subtracted as integers. That is also what keeps
//! this exact where a compiler reorders additions of floats, as WGSL allows. Sets merge by Pébay's
//! formulas (SAND2008-6212).

use cubecl::prelude::*;

use super::layout::QUANTUM;

/// Moments of some numbers, in units of `2^(unit - 127)`.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Partial {
    pub count: u32,
    pub unit: u32,
    /// The mean in quanta, whole part. At most 2^23 in size, so exact as a float.
    pub whole: i32,
    /// The mean in quanta, what is left.
    pub rest: f32,
    pub m2: f32,
    pub m3: f32,
    pub m4: f32,
}

/// `2^(exponent - 127)` by its bits; 0 for exponents of 0 and below, which no result would feel.
#[cube]
pub(super) fn power_of_two(exponent: i32) -> f32 {
    let field = select(exponent > 0, exponent, 0);
    f32::reinterpret(u32::cast_from(field) << 23)
}

/// A finite float32 by its bits, divided by `2^(unit - 127)`. By integers, since devices flush
/// denormal numbers; `unit` is at least 1 and at least the number's own exponent.
#[cube]
pub(super) fn scaled(bits: u32, unit: u32) -> f32 {
    let exponent = (bits >> 23) & 0xff;
    let mantissa = bits & 0x007f_ffff;
    let field = i32::cast_from(exponent) - i32::cast_from(unit) + 127;
    let normal = (bits & 0x807f_ffff) | (u32::cast_from(select(field > 0, field, 0)) << 23);
    let normal = select(field > 0, f32::reinterpret(normal), 0.0);
    // A denormal is its mantissa times 2^-149.
    let tiny = f32::cast_from(mantissa) * power_of_two(105 - i32::cast_from(unit));
    let tiny = select(bits >> 31 == 1, -tiny, tiny);
    select(exponent == 0, tiny, normal)
}

/// No numbers.
#[cube]
pub(super) fn nothing() -> Partial {
    Partial {
        count: 0u32,
        unit: 1u32,
        whole: 0i32,
        rest: 0.0f32,
        m2: 0.0f32,
        m3: 0.0f32,
        m4: 0.0f32,
    }
}

/// The same moments in a coarser unit.
#[cube]
fn rescaled(part: Partial, unit: u32) -> Partial {
    let steps = unit - part.unit;
    let factor = power_of_two(127 - i32::cast_from(steps));
    let shift = select(steps < 30, steps, 30);
    let whole = part.whole >> i32::cast_from(shift);
    let lost = part.whole - (whole << i32::cast_from(shift));
    let near = steps < 30;
    let dropped = select(near, lost, part.whole);
    Partial {
        count: part.count,
        unit,
        whole: select(near, whole, 0),
        rest: (f32::cast_from(dropped) + part.rest) * factor,
        m2: part.m2 * factor * factor,
        m3: part.m3 * factor * factor * factor,
        m4: part.m4 * factor * factor * factor * factor,
    }
}

/// The moments of both sets together.
#[cube]
pub(super) fn merged(first: Partial, second: Partial) -> Partial {
    let unit = select(first.unit > second.unit, first.unit, second.unit);
    let a = rescaled(first, unit);
    let b = rescaled(second, unit);
    let both = a.count > 0 && b.count > 0;
    let whole_apart = select(both, b.whole - a.whole, 0);
    let rest_apart = select(both, b.rest - a.rest, 0.0);
    let count = a.count + b.count;
    let safe = select(count > 0, count, 1);
    let n = f32::cast_from(safe);
    let n_a = f32::cast_from(a.count);
    let n_b = f32::cast_from(b.count);

    // The mean moves by the second set's share of the difference; the bulk of it as integers.
    let bulk = whole_apart / i32::cast_from(safe);
    let remainder = whole_apart - bulk * i32::cast_from(safe);
    let moved = a.rest + (f32::cast_from(remainder) + rest_apart) * (n_b / n);
    let carried = moved.floor();
    let from_first = a.count > 0;
    let whole = a.whole + bulk * i32::cast_from(b.count) + i32::cast_from(carried);

    let step = (f32::cast_from(whole_apart) + rest_apart) * QUANTUM / n;
    let between = step * step * n * n_a * n_b;
    Partial {
        count,
        unit,
        whole: select(from_first, whole, b.whole),
        rest: select(from_first, moved - carried, b.rest),
        m2: a.m2 + b.m2 + between,
        m3: a.m3 + b.m3 + between * step * (n_a - n_b) + 3.0 * step * (n_a * b.m2 - n_b * a.m2),
        m4: a.m4
            + b.m4
            + between * step * step * (n_a * n_a - n_a * n_b + n_b * n_b)
            + 6.0 * step * step * (n_a * n_a * b.m2 + n_b * n_b * a.m2)
            + 4.0 * step * (n_a * b.m3 - n_b * a.m3),
    }
}
