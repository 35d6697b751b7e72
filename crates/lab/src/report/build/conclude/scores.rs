//! Which layers scores would remove.

use layerlab_score::{MethodId, MethodScores, Role};

use crate::report::{ScoringReport, build::words::layers_in_words, number::significant};

/// Rank correlations closer to 0 than this say little.
const WEAK: f64 = 0.3;

/// Which layers go first, and how far methods agree with what was measured.
pub(super) fn of_scores(scoring: &ScoringReport) -> Vec<String> {
    let scores = &scoring.scores;
    let Some(first) = scoring.cheapest() else {
        let avss = [MethodId::RelativeAvss, MethodId::Avss];
        let avss = avss.into_iter().find_map(|id| scores.method(id));
        let unmeasured = avss.map(|method| {
            format!(
                "By {}, {} would go first. No loss was measured without them, so what is kept is not known.",
                method.label,
                layers_in_words(&scoring.first_to_go(method))
            )
        });
        return unmeasured.into_iter().collect();
    };
    let measured = scores.method(MethodId::LossChange);
    let change = |layer: &usize| measured?.layers.get(*layer)?.value;
    let cost = match first.iter().filter_map(change).reduce(f64::max) {
        Some(highest) if highest > 0.0 => format!(
            "the loss rises by at most {} nats per token",
            significant(Some(highest))
        ),
        _ => "the loss even falls".to_owned(),
    };
    let of = match (&scoring.answers, scoring.part_of_losses()) {
        (Some(_), _) => ", of right answers".to_owned(),
        (None, Some((some, all))) => format!(", on {some} of {all} sequences so far"),
        (None, None) => String::new(),
    };
    let mut sentences = vec![format!(
        "Left out one at a time, {} cost least: {cost}{of}.",
        layers_in_words(&first)
    )];
    let correlations = scores.agreement.loss_change.iter();
    let correlations = correlations.filter_map(|found| {
        let method = scores.method(found.method)?;
        Some((method, found.spearman?))
    });
    let rankings: Vec<(&MethodScores, f64)> = correlations
        .filter(|(method, _)| method.role == Role::Ranking)
        .collect();
    let closest = rankings.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((method, rho)) = closest {
        sentences.push(format!(
            "Of the scores, {} orders layers most like this (ρ {rho:.2}; 1 is the same order).",
            method.label
        ));
    }
    let avss = rankings
        .iter()
        .find(|(method, _)| method.id == MethodId::Avss);
    sentences.extend(avss.map(|(_, rho)| of_avss(*rho)));
    sentences
}

/// How AVSS's order of layers goes with the measured one.
fn of_avss(rho: f64) -> String {
    match rho {
        rho if rho <= -WEAK => format!("AVSS orders them rather the other way round (ρ {rho:.2})."),
        rho if rho < WEAK => format!("AVSS says little of it (ρ {rho:.2})."),
        rho => format!("AVSS has ρ {rho:.2}."),
    }
}

impl ScoringReport {
    /// On how many of the text's sequences loss change was measured, where not on all.
    pub(crate) fn part_of_losses(&self) -> Option<(usize, usize)> {
        let all = self.data.sequences;
        let some = self.loss_sequences.filter(|some| *some < all)?;
        Some((some, all))
    }

    /// The layers that cost least when left out one at a time, in their order; none where that was not measured.
    pub fn cheapest(&self) -> Option<Vec<usize>> {
        let measured = self.scores.method(MethodId::LossChange)?;
        Some(self.first_to_go(measured))
    }

    /// As many layers as count as the lowest, in their order.
    fn first_to_go(&self, method: &MethodScores) -> Vec<usize> {
        let order = method.order().into_iter();
        let mut first: Vec<usize> = order.take(self.scores.lowest).collect();
        first.sort_unstable();
        first
    }
}

#[cfg(test)]
mod tests {
    use super::of_avss;

    #[test]
    fn a_weak_correlation_is_not_called_an_order() {
        assert!(of_avss(-0.87).contains("the other way round (ρ -0.87)"));
        assert!(of_avss(-0.02).contains("says little"));
        assert!(of_avss(0.2).contains("says little"));
        assert_eq!(of_avss(0.5), "AVSS has ρ 0.50.");
    }
}
