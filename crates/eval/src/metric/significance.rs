//! Whether two models differ by more than chance on the same items.

use layerlab_stats::FEW_UNITS;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Comparison, Confidence, Metric, Sample};

/// Exchanges that are drawn where there are more of them than this.
const EXCHANGES: usize = 9_999;

/// A test on pairs of results of two models, one pair for each item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PairedTest {
    /// McNemar's exact test (McNemar 1947), where items are right or wrong: among items that only one of two models
    /// gets right, either should be the one as often.
    #[serde(rename = "mcnemar")]
    McNemar,
    /// The permutation test of pairs (Fisher 1935) where they are not: had both models the same results but for
    /// chance, exchanging them on any of the items would change the difference as often as not. All exchanges are
    /// made of up to 13 items, 9,999 drawn ones of more.
    Permutation,
}

/// How sure it is that a difference is more than chance. The one source of every star in tables and of every
/// "changed" in conclusions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Significance {
    /// The test.
    pub test: PairedTest,
    /// Its two-sided p-value, for this comparison alone.
    pub p: f64,
    /// The same after Holm's correction (Holm 1979) for all comparisons of its table.
    pub p_adjusted: f64,
    /// How many comparisons these are, this one included.
    pub comparisons: usize,
    /// The p-value that counts as significant: 1 less the confidence level.
    pub alpha: f64,
    /// Whether the corrected p-value is at most that; never from fewer than 10 items or windows.
    pub significant: bool,
}

impl Significance {
    /// Of a comparison that stands alone; none where a value is not finite or there is nothing to compare.
    pub(super) fn of(
        metric: Metric,
        a: &Sample,
        b: &Sample,
        confidence: &Confidence,
    ) -> Option<Self> {
        let (test, p) = match (metric.is_proportion(), a, b) {
            (true, Sample::Mean { values: a }, Sample::Mean { values: b }) => {
                (PairedTest::McNemar, mcnemar(a, b)?)
            }
            _ => (PairedTest::Permutation, permutation(a, b, confidence.seed)?),
        };
        let alone = Self {
            test,
            p,
            p_adjusted: p,
            comparisons: 1,
            // 1 less 0.95 is 0.05 and a rounding error.
            alpha: ((1.0 - confidence.level) * 1e9).round() / 1e9,
            significant: false,
        };
        Some(alone.adjusted(p, 1, a.len()))
    }

    fn adjusted(self, p: f64, comparisons: usize, units: usize) -> Self {
        Self {
            p_adjusted: p,
            comparisons,
            significant: units >= FEW_UNITS && p <= self.alpha,
            ..self
        }
    }
}

/// Corrects the p-values of all comparisons of one table by Holm's method: with m of them in ascending order, the i-th
/// (from 0) counts m − i times, and none less than one before it. The chance that any of them is called significant
/// where none is then stays below 1 less the confidence level.
pub fn correct(comparisons: &mut [&mut Comparison]) {
    let mut tested: Vec<&mut &mut Comparison> = comparisons
        .iter_mut()
        .filter(|one| one.significance.is_some())
        .collect();
    let p = |one: &Comparison| one.significance.map_or(1.0, |found| found.p);
    tested.sort_by(|a, b| p(a).total_cmp(&p(b)));
    let count = tested.len();
    let mut least = 0.0f64;
    for (place, one) in tested.into_iter().enumerate() {
        least = least.max((p(one) * (count - place) as f64).min(1.0));
        let units = one.units;
        one.significance = one
            .significance
            .map(|found| found.adjusted(least, count, units));
    }
}

/// McNemar's exact test of outcomes 1 and 0; none where one is neither.
fn mcnemar(a: &[f64], b: &[f64]) -> Option<f64> {
    let is_known = |values: &[f64]| values.iter().all(|value| value.is_finite());
    let only = |a: &[f64], b: &[f64]| a.iter().zip(b).filter(|(a, b)| a > b).count();
    let (lost, won) = (only(a, b), only(b, a));
    (is_known(a) && is_known(b)).then(|| two_sided_sign_test(lost.min(won), lost + won))
}

/// Probability of a split of `count` fair coins at least as uneven as `fewer` to the rest.
fn two_sided_sign_test(fewer: usize, count: usize) -> f64 {
    // log of the binomial coefficient, term by term, so that large counts do not overflow.
    let mut log_coefficient = 0.0;
    let mut tail = 0.0;
    for k in 0..=fewer {
        if k > 0 {
            log_coefficient += ((count + 1 - k) as f64 / k as f64).ln();
        }
        tail += (log_coefficient - count as f64 * std::f64::consts::LN_2).exp();
    }
    (2.0 * tail).min(1.0)
}

/// Share of exchanges, the one that was observed among them, that make the difference at least as large.
fn permutation(a: &Sample, b: &Sample, seed: u64) -> Option<f64> {
    let observed = a.difference(b, |_| false)?.abs();
    // What differs by rounding alone is as large.
    let least = observed * (1.0 - 1e-9);
    let is_as_large =
        |difference: Option<f64>| difference.is_some_and(|found| found.abs() >= least);
    let units = a.len();
    let all = u32::try_from(units)
        .ok()
        .and_then(|units| 1usize.checked_shl(units));
    if let Some(all) = all.filter(|all| *all <= EXCHANGES) {
        let as_large = (0..all)
            .filter(|exchange| is_as_large(a.difference(b, |unit| exchange >> unit & 1 == 1)));
        return Some(as_large.count() as f64 / all as f64);
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let as_large = (0..EXCHANGES).filter(|_| {
        let coins: Vec<u64> = (0..units.div_ceil(64)).map(|_| random.random()).collect();
        is_as_large(a.difference(b, |unit| coins[unit / 64] >> (unit % 64) & 1 == 1))
    });
    Some((1 + as_large.count()) as f64 / (1 + EXCHANGES) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_test_counts_coins() {
        assert!((two_sided_sign_test(0, 5) - 2.0 / 32.0).abs() < 1e-12);
        assert!((two_sided_sign_test(1, 8) - 2.0 * 9.0 / 256.0).abs() < 1e-12);
        assert_eq!(two_sided_sign_test(0, 0), 1.0);
        assert_eq!(two_sided_sign_test(3, 6), 1.0);
        assert!(two_sided_sign_test(0, 5000) < 1e-300);
    }

    fn mean(values: &[f64]) -> Sample {
        Sample::Mean {
            values: values.to_vec(),
        }
    }

    /// Of differences 1, 2, 3 and 4 only those with all signs the same sum to as much: 2 of 16.
    #[test]
    fn few_pairs_are_exchanged_in_every_way() {
        let (a, b) = (mean(&[0.0; 4]), mean(&[1.0, 2.0, 3.0, 4.0]));
        assert_eq!(permutation(&a, &b, 0), Some(2.0 / 16.0));
        // −1, 2, 3, 4 sum to 8 of 10: as large are both sums of 10 and both of 8.
        let b = mean(&[-1.0, 2.0, 3.0, 4.0]);
        assert_eq!(permutation(&a, &b, 0), Some(4.0 / 16.0));
        assert_eq!(permutation(&a, &a, 0), Some(1.0));
        assert_eq!(permutation(&a, &mean(&[f64::NAN; 4]), 0), None);
    }

    /// Of outcomes that are right or wrong the permutation test is McNemar's.
    #[test]
    fn both_tests_agree_where_both_can_be_made() {
        let a = [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0];
        let b = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0];
        let exact = mcnemar(&a, &b).unwrap();
        assert!((exact - 2.0 * 7.0 / 64.0).abs() < 1e-12);
        let found = permutation(&mean(&a), &mean(&b), 0).unwrap();
        assert!((found - exact).abs() < 1e-12, "{found} {exact}");
        // And where exchanges are drawn: four standard deviations of a share near 0.22 among 9,999.
        let more = |values: &[f64]| mean(&[values, &[1.0; 8]].concat());
        let found = permutation(&more(&a), &more(&b), 3).unwrap();
        assert!((found - exact).abs() < 0.017, "{found} {exact}");
        assert_eq!(Some(found), permutation(&more(&a), &more(&b), 3));
        assert_ne!(Some(found), permutation(&more(&a), &more(&b), 4));
    }

    #[test]
    fn what_is_beyond_all_drawn_exchanges_is_still_not_impossible() {
        let b = mean(&[1.0; 40]);
        assert_eq!(permutation(&mean(&[0.0; 40]), &b, 0), Some(1e-4));
    }
}
