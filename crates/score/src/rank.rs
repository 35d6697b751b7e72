//! Orders of layers.

use crate::Direction;

/// Rank of each layer, 1 for the least important; none for undefined values. Of equals the later
/// layer comes first.
pub(crate) fn ranks(values: &[Option<f64>], direction: Direction) -> Vec<Option<usize>> {
    let mut order: Vec<(usize, f64)> = values
        .iter()
        .enumerate()
        .filter_map(|(layer, value)| Some((layer, (*value)?)))
        .collect();
    order.sort_by(|(a, x), (b, y)| {
        let by_value = match direction {
            Direction::HighIsImportant => x.total_cmp(y),
            Direction::LowIsImportant => y.total_cmp(x),
        };
        by_value.then(b.cmp(a))
    });
    let mut ranks = vec![None; values.len()];
    for (rank, (layer, _)) in order.into_iter().enumerate() {
        ranks[layer] = Some(rank + 1);
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
}
