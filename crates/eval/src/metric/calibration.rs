//! Expected calibration error (Guo et al., arXiv 1706.04599, equation 3).

/// Bins of equal width over confidences from 0 to 1. A bin holds its upper edge.
pub const BINS: usize = 15;

/// Σ over bins of their share of items times |accuracy − mean confidence|, each item counted as often as
/// `draw` says.
pub(super) fn expected_error(confidences: &[f64], right: &[bool], draw: &[u32]) -> f64 {
    let mut gaps = [0.0; BINS];
    let mut total = 0.0;
    for ((confidence, right), &times) in confidences.iter().zip(right).zip(draw) {
        // Rounding may lift a sum of probabilities a hair above 1.
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        let times = f64::from(times);
        gaps[bin] += times * (f64::from(u8::from(*right)) - confidence);
        total += times;
    }
    gaps.iter().map(|gap| gap.abs()).sum::<f64>() / total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Bin of 0.9: accuracy 1/2, confidence 0.9. Bin of 0.5: accuracy 1, confidence 0.5.
        let found = expected_error(&[0.9, 0.9, 0.5], &[true, false, true], &[1, 1, 1]);
        assert!((found - (2.0 / 3.0 * 0.4 + 1.0 / 3.0 * 0.5)).abs() < 1e-12);
        // The third item left out.
        let found = expected_error(&[0.9, 0.9, 0.5], &[true, false, true], &[1, 1, 0]);
        assert!((found - 0.4).abs() < 1e-12);
    }

    #[test]
    fn neighbours_on_two_sides_of_an_edge_do_not_cancel() {
        let edge = 10.0 / 15.0;
        let found = expected_error(&[edge, edge + 1e-9], &[true, false], &[1, 1]);
        assert!((found - 0.5).abs() < 1e-8);
        assert_eq!(expected_error(&[1.0, 0.0], &[true, false], &[1, 1]), 0.0);
    }
}
