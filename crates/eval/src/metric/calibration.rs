//! Expected calibration error (Guo et al., arXiv 1706.04599, equation 3).

/// Bins of equal width over confidences from 0 to 1. A bin holds its upper edge.
pub const BINS: usize = 15;

/// Items by bins of their confidence.
#[derive(Default)]
pub(super) struct Gaps {
    /// Outcome less confidence, summed by bin.
    gaps: [f64; BINS],
    total: f64,
}

impl Gaps {
    /// Adds an item, counted so many times.
    pub fn add(&mut self, confidence: f64, right: bool, times: f64) {
        // Rounding may lift a sum of probabilities a hair above 1.
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        self.gaps[bin] += times * (f64::from(u8::from(right)) - confidence);
        self.total += times;
    }

    /// Σ over bins of their share of items times |accuracy − mean confidence|.
    pub fn expected_error(&self) -> f64 {
        self.gaps.iter().map(|gap| gap.abs()).sum::<f64>() / self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected_error(confidences: &[f64], right: &[bool], draw: &[u32]) -> f64 {
        let mut gaps = Gaps::default();
        for ((confidence, right), &times) in confidences.iter().zip(right).zip(draw) {
            gaps.add(*confidence, *right, f64::from(times));
        }
        gaps.expected_error()
    }

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
