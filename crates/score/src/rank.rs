//! Orders of layers.

use crate::Direction;

/// Values turned so that high means important.
pub(crate) fn importance(mut values: Vec<Option<f64>>, direction: Direction) -> Vec<Option<f64>> {
    if direction == Direction::LowIsImportant {
        for value in values.iter_mut().flatten() {
            *value = -*value;
        }
    }
    values
}

/// Rank of each layer, 1 for the least important; none for undefined values. Of equals the later
/// layer comes first.
pub(crate) fn ranks(values: &[Option<f64>], direction: Direction) -> Vec<Option<usize>> {
    let mut order: Vec<(usize, f64)> = importance(values.to_vec(), direction)
        .into_iter()
        .enumerate()
        .filter_map(|(layer, value)| Some((layer, value?)))
        .collect();
    order.sort_by(|(a, x), (b, y)| x.total_cmp(y).then(b.cmp(a)));
    let mut ranks = vec![None; values.len()];
    for (rank, (layer, _)) in order.into_iter().enumerate() {
        ranks[layer] = Some(rank + 1);
    }
    ranks
}

/// Spearman's rank correlation over the places where both have a value: Pearson's correlation of ranks among
/// those places, where equals share the mean of the ranks that they take up. None where there are fewer than
/// two, or where one side has equals only.
pub(crate) fn spearman(a: &[Option<f64>], b: &[Option<f64>]) -> Option<f64> {
    let both = a.iter().zip(b).filter_map(|(a, b)| Some(((*a)?, (*b)?)));
    let (a, b): (Vec<f64>, Vec<f64>) = both.unzip();
    let middle = (a.len() as f64 + 1.0) / 2.0;
    let deviations = |values: &[f64]| -> Vec<f64> {
        let ranks = shared_ranks(values).into_iter();
        ranks.map(|rank| rank - middle).collect()
    };
    let (a, b) = (deviations(&a), deviations(&b));
    let product = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let spread = (product(&a, &a) * product(&b, &b)).sqrt();
    (spread > 0.0).then(|| product(&a, &b) / spread)
}

/// Ranks from 1 in ascending order; equals share the mean of theirs.
fn shared_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for equals in order.chunk_by(|a, b| values[*a] == values[*b]) {
        for &place in equals {
            ranks[place] = before as f64 + (equals.len() as f64 + 1.0) / 2.0;
        }
        before += equals.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_goes_first_and_of_equals_the_later() {
        let values = [Some(2.0), Some(1.0), None, Some(2.0), Some(-1.0)];
        let found = ranks(&values, Direction::HighIsImportant);
        assert_eq!(found, [Some(4), Some(2), None, Some(3), Some(1)]);
        let found = ranks(&values, Direction::LowIsImportant);
        assert_eq!(found, [Some(2), Some(3), None, Some(1), Some(4)]);
    }

    fn all(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    #[test]
    fn equals_share_their_ranks() {
        assert_eq!(
            shared_ranks(&[3.0, -1.0, 3.0, 0.0, -0.0, 3.0]),
            [5.0, 1.0, 5.0, 2.5, 2.5, 5.0]
        );
        assert!(shared_ranks(&[]).is_empty());
    }

    /// What `scipy.stats.spearmanr` gives for the same numbers.
    #[test]
    fn correlations_are_those_of_scipy() {
        for (a, b, rho) in [
            // Without ties: 1 - 6 Σd² / (n (n² - 1)) with Σd² = 2 and n = 5.
            (
                vec![1.0, 2.0, 3.0, 4.0, 5.0],
                vec![5.0, 6.0, 7.0, 8.0, 7.5],
                0.9,
            ),
            (vec![1.0, 2.0, 3.0, 4.0], vec![4.0, 3.0, 2.0, 1.0], -1.0),
            (
                vec![3.0, -1.0, 3.0, 0.0, 0.0, 3.0],
                vec![1.0, 2.0, 3.0, 4.0, 4.0, 6.0],
                0.062_622_429_108_514_95,
            ),
            (
                vec![0.5, 0.5, 1.0, 2.0, 2.0, 2.0, 7.0],
                vec![3.0, 1.0, 1.0, -4.0, -4.0, 0.0, 2.0],
                -0.352_524_869_459_601_5,
            ),
            (
                vec![10.0, 20.0, 20.0, 30.0],
                vec![1.0, 1.0, 2.0, 2.0],
                0.5f64.sqrt(),
            ),
        ] {
            let found = spearman(&all(&a), &all(&b)).unwrap();
            assert!((found - rho).abs() < 1e-12, "{a:?} {b:?}: {found}");
        }
    }

    #[test]
    fn only_what_both_have_is_ranked() {
        // The middle one of the first is unknown to the second: among the other four, ranks run from 1 to 4.
        let a = [Some(1.0), Some(9.0), Some(2.0), Some(3.0), Some(4.0), None];
        let b = [Some(2.0), None, Some(1.0), Some(4.0), Some(3.0), Some(0.0)];
        // Σd² = 4, n = 4: 1 - 24 / 60.
        assert!((spearman(&a, &b).unwrap() - 0.6).abs() < 1e-12);
    }

    #[test]
    fn what_does_not_vary_has_no_correlation() {
        assert_eq!(
            spearman(&all(&[1.0, 1.0, 1.0]), &all(&[1.0, 2.0, 3.0])),
            None
        );
        assert_eq!(spearman(&all(&[1.0]), &all(&[2.0])), None);
        assert_eq!(spearman(&[], &[]), None);
        assert_eq!(spearman(&[Some(1.0), None], &[None, Some(1.0)]), None);
    }

    #[test]
    fn importance_turns_what_is_low() {
        let values = vec![Some(2.0), None, Some(-1.0)];
        let turned = importance(values.clone(), Direction::LowIsImportant);
        assert_eq!(turned, [Some(-2.0), None, Some(1.0)]);
        assert_eq!(
            importance(values.clone(), Direction::HighIsImportant),
            values
        );
    }
}
