//! The area under the ROC curve.

/// Answers in the order of some value.
pub(super) struct Ordered {
    /// In ascending order: value, pair, and whether the answer is a hallucinated one.
    sorted: Vec<(f64, usize, bool)>,
}

impl Ordered {
    /// Of a value, the pair and whether the answer is a hallucinated one.
    pub fn of(mut answers: Vec<(f64, usize, bool)>) -> Self {
        answers.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { sorted: answers }
    }

    /// Of the values of factual and of hallucinated answers, pair by pair.
    pub fn of_pairs(factual: &[f64], hallucinated: &[f64]) -> Self {
        let side = |values: &[f64], is_hallucinated: bool| {
            let values = values.iter().enumerate();
            values
                .map(|(pair, value)| (*value, pair, is_hallucinated))
                .collect::<Vec<_>>()
        };
        Self::of([side(factual, false), side(hallucinated, true)].concat())
    }

    /// The probability that a factual answer lies above a hallucinated one, each counted as often as its pair is drawn;
    /// equals count half. None without answers, or where a value is no number.
    pub fn auroc(&self, draw: &[u32]) -> Option<f64> {
        let (mut below, mut won, mut factual) = (0.0, 0.0, 0.0);
        let mut start = 0;
        while start < self.sorted.len() {
            let value = self.sorted[start].0;
            // Of activations that are no numbers; it is not even its own equal.
            if value.is_nan() {
                return None;
            }
            let equals = self.sorted[start..]
                .iter()
                .take_while(|entry| entry.0 == value)
                .count();
            let (mut of_factual, mut of_hallucinated) = (0.0, 0.0);
            for (_, pair, is_hallucinated) in &self.sorted[start..start + equals] {
                let times = f64::from(draw[*pair]);
                match is_hallucinated {
                    true => of_hallucinated += times,
                    false => of_factual += times,
                }
            }
            won += of_factual * (below + of_hallucinated / 2.0);
            below += of_hallucinated;
            factual += of_factual;
            start += equals;
        }
        let area = won / (factual * below);
        area.is_finite().then_some(area)
    }
}
