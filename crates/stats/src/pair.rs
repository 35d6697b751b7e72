//! Two hidden states of the same tokens, compared.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// Squared norms outside of this range have lost digits to float32 and cannot be trusted.
const TRUSTED_SQUARED_NORM: std::ops::RangeInclusive<f64> = 1e-30..=1e30;

/// Sums over one sequence's tokens of how `output` differs from `input`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct SequencePair {
    /// Tokens that could be compared.
    pub tokens: u32,
    /// Tokens that could not: a hidden state is zero, not finite, or too small or large to square.
    pub degenerate: u32,
    /// Sum of cosines.
    pub cosine_sum: f64,
    /// Sum of 1 − cosine, computed without cancellation.
    pub one_minus_cosine_sum: f64,
    /// Sum of angles in radians. From float32 sums, an angle of less than about 1e-3 between states
    /// of different length cannot be told from 0.
    pub angle_sum: f64,
    /// Sum of ‖output − input‖ / ‖output‖.
    pub relative_magnitude_sum: f64,
    /// Cosine at the last token, if it could be compared.
    pub last_cosine: Option<f64>,
    /// Angle at the last token in radians, if it could be compared.
    pub last_angle: Option<f64>,
}

impl SequencePair {
    /// From the sums over channels of each real token: `‖input‖²`, `‖output‖²`, `‖output + input‖²`,
    /// `‖output − input‖²`.
    pub fn from_token_sums(rows: impl Iterator<Item = [f64; 4]>) -> Self {
        let mut pair = Self::default();
        for [input, output, sum, difference] in rows {
            pair.last_cosine = None;
            pair.last_angle = None;
            let usable = TRUSTED_SQUARED_NORM.contains(&input)
                && TRUSTED_SQUARED_NORM.contains(&output)
                && sum.is_finite()
                && difference.is_finite();
            if !usable {
                pair.degenerate += 1;
                continue;
            }
            let (input, output) = (input.sqrt(), output.sqrt());
            // ‖out ∓ in‖² = (‖out‖ − ‖in‖)² + 2‖in‖‖out‖(1 ∓ cos): whichever of 1 − cos and
            // 1 + cos is small is found without a difference of near equals.
            let stretch = output - input;
            let product = 2.0 * input * output;
            let share = |squared: f64| ((squared - stretch * stretch) / product).clamp(0.0, 2.0);
            let (below_one, above_minus_one) = (share(difference), share(sum));
            let cosine = (above_minus_one - below_one) / 2.0;
            // Of opposites, whose quotient is infinite, it is π too.
            let angle = 2.0 * (below_one / above_minus_one).sqrt().atan();
            pair.tokens += 1;
            pair.cosine_sum += cosine;
            pair.one_minus_cosine_sum += below_one;
            pair.angle_sum += angle;
            pair.relative_magnitude_sum += difference.sqrt() / output;
            pair.last_cosine = Some(cosine);
            pair.last_angle = Some(angle);
        }
        pair
    }
}

/// Comparisons of all sequences. Queries take how often each sequence is drawn (all ones for the
/// data as they are) and are none where no token could be compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PairStatistics {
    /// One for each sequence.
    pub sequences: Vec<SequencePair>,
}

impl PairStatistics {
    /// Appends the sequences of another shard.
    pub fn merge(&mut self, other: Self) {
        self.sequences.extend(other.sequences);
    }

    /// Mean cosine over tokens.
    pub fn mean_cosine(&self, weights: &[u32]) -> Option<f64> {
        self.token_mean(weights, |pair| pair.cosine_sum)
    }

    /// Block Influence: mean of 1 − cosine over tokens (arXiv 2403.03853).
    pub fn block_influence(&self, weights: &[u32]) -> Option<f64> {
        self.token_mean(weights, |pair| pair.one_minus_cosine_sum)
    }

    /// Mean angle over tokens, divided by π (arXiv 2403.17887).
    pub fn angular_distance(&self, weights: &[u32]) -> Option<f64> {
        self.token_mean(weights, |pair| pair.angle_sum / PI)
    }

    /// Mean over sequences of the angle at the last token, divided by π (arXiv 2403.17887).
    pub fn last_angular_distance(&self, weights: &[u32]) -> Option<f64> {
        let drawn = self.sequences.iter().zip(weights);
        let (mut sum, mut count) = (0.0, 0.0);
        for (pair, &weight) in drawn {
            if let Some(angle) = pair.last_angle {
                sum += angle / PI * f64::from(weight);
                count += f64::from(weight);
            }
        }
        (count > 0.0).then(|| sum / count)
    }

    /// Mean of ‖output − input‖ / ‖output‖ over tokens.
    pub fn relative_magnitude(&self, weights: &[u32]) -> Option<f64> {
        self.token_mean(weights, |pair| pair.relative_magnitude_sum)
    }

    /// Tokens that could not be compared.
    pub fn degenerate(&self) -> u64 {
        self.sequences
            .iter()
            .map(|pair| u64::from(pair.degenerate))
            .sum()
    }

    fn token_mean(&self, weights: &[u32], sum: impl Fn(&SequencePair) -> f64) -> Option<f64> {
        let (mut total, mut tokens) = (0.0, 0.0);
        for (pair, &weight) in self.sequences.iter().zip(weights) {
            total += sum(pair) * f64::from(weight);
            tokens += f64::from(pair.tokens) * f64::from(weight);
        }
        (tokens > 0.0).then(|| total / tokens)
    }
}
