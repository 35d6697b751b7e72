//! The exponential function of many numbers at once.

use pulp::Simd;

/// Added to a number below 2^22, leaves the nearest whole number in the low bits: 1.5 · 2^23, and the bias of exponents.
const ROUND: f32 = 12_582_912.0 + 127.0;
/// ln 2 in two parts: the first has few bits, so that its multiples are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Where e^x leaves the normal numbers.
const LEAST: f32 = -87.0;
const MOST: f32 = 88.0;
/// 1 / n! from n = 7 down: the remainder is below 3e-9 of e^r for |r| ≤ ln 2 / 2.
const TERMS: [f32; 8] = [
    1.0 / 5040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

/// e^x to 2 units in the last place; x below -87 counts as -87, above 88 as 88. NaN stays NaN.
#[inline(always)]
pub(in crate::ops) fn exponential<S: Simd>(simd: S, exponent: S::f32s) -> S::f32s {
    // No closures here: they would not be compiled for the wide instructions.
    let x = simd.max_f32s(exponent, simd.splat_f32s(LEAST));
    let x = simd.min_f32s(x, simd.splat_f32s(MOST));
    // x = n · ln 2 + r
    let round = simd.splat_f32s(ROUND);
    let shifted = simd.mul_add_e_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), round);
    let n = simd.sub_f32s(shifted, round);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2_HIGH), x);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2_LOW), r);
    let mut sum = simd.splat_f32s(TERMS[0]);
    for term in &TERMS[1..] {
        sum = simd.mul_add_e_f32s(sum, r, simd.splat_f32s(*term));
    }
    // 2^n, its exponent's bits out of the low bits of `shifted`.
    let bits = simd.transmute_u32s_f32s(shifted);
    let power = simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23));
    let found = simd.mul_f32s(sum, simd.transmute_f32s_u32s(power));
    // Of NaN and a number, some processors call the number the greater.
    simd.select_f32s(simd.equal_f32s(exponent, exponent), found, exponent)
}

#[cfg(test)]
mod tests {
    use pulp::WithSimd;

    use super::{super::vectorised, *};

    struct Each<'a>(&'a mut [f32]);

    impl WithSimd for Each<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (values, rest) = S::as_mut_simd_f32s(self.0);
            assert!(rest.is_empty());
            for value in values {
                *value = exponential(simd, *value);
            }
        }
    }

    #[test]
    fn it_is_that_of_float64() {
        let inputs: Vec<f32> = (0..16_000)
            .map(|place| place as f32 / 100.0 - 80.0)
            .collect();
        let mut found = inputs.clone();
        vectorised(Each(&mut found));
        for (input, found) in inputs.iter().zip(&found) {
            let expected = f64::from(*input).exp();
            let error = (f64::from(*found) - expected).abs() / expected;
            assert!(error < 2.5e-7, "{input}: {found} {expected}");
        }
        let mut extremes = [f32::NEG_INFINITY, -1e30, -88.0, -87.0].repeat(4);
        vectorised(Each(&mut extremes));
        assert!(
            extremes.iter().all(|value| (0.0..2e-38).contains(value)),
            "{extremes:?}"
        );
        // Wherever in a vector it stands, and nowhere else.
        for place in 0..16 {
            let mut values = [0.5; 16];
            values[place] = f32::NAN;
            vectorised(Each(&mut values));
            for (other, value) in values.iter().enumerate() {
                assert_eq!(value.is_nan(), other == place, "{place}: {values:?}");
            }
        }
    }
}
