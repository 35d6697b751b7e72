//! What is measured of a model, with intervals, and how two models compare.

mod calibration;
mod comparison;
mod normalise;
mod numbers;
mod sample;
mod significance;
mod wilson;

pub use calibration::BINS;
pub use comparison::Comparison;
pub use normalise::normalised;
pub use sample::Sample;
pub use significance::{PairedTest, Significance, correct};
pub use wilson::wilson;

use layerlab_stats::{FEW_UNITS, MOST_RESAMPLES, Resamples};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::EvalError;

/// What is measured.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// exp of the mean cross-entropy per token. Models with different tokenizers have other tokens, so that their
    /// perplexities say nothing of each other.
    Perplexity,
    /// Cross-entropy of the predicted tokens in bits, over the bytes of UTF-8 that they stand for. The same for every
    /// tokenizer: a token stands for what lies between the end of the token before it and its own; what is not
    /// predicted, as the first token of a text is not, counts on neither side.
    BitsPerByte,
    /// Share of items whose likeliest choice is right.
    Accuracy,
    /// The same with log-likelihood divided by the characters of the choice.
    AccuracyNorm,
    /// Accuracy over TruthfulQA's `mc1_targets` (arXiv 2109.07958).
    Mc1,
    /// Share of probability on right answers among TruthfulQA's `mc2_targets` (arXiv 2109.07958).
    Mc2,
    /// Share of generated answers equal to a right one after normalisation (arXiv 1606.05250).
    ExactMatch,
    /// Share of generated answers that say that the answer is unknown.
    Abstention,
    /// Share of generated answers that are neither right nor say that the answer is unknown.
    WrongAnswer,
    /// Expected calibration error: mean distance of confidence and accuracy over 15 bins of confidence
    /// (arXiv 1706.04599).
    Ece,
}

impl Metric {
    /// Its name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Perplexity => "perplexity",
            Self::BitsPerByte => "bits per byte",
            Self::Accuracy => "accuracy",
            Self::AccuracyNorm => "acc_norm",
            Self::Mc1 => "MC1",
            Self::Mc2 => "MC2",
            Self::ExactMatch => "exact match",
            Self::Abstention => "abstention",
            Self::WrongAnswer => "wrong answers",
            Self::Ece => "ECE",
        }
    }

    /// Whether more of it is better.
    pub fn higher_is_better(self) -> bool {
        !matches!(
            self,
            Self::Perplexity | Self::BitsPerByte | Self::Ece | Self::WrongAnswer
        )
    }

    /// Whether it is a share of items that are right or wrong.
    pub fn is_proportion(self) -> bool {
        matches!(
            self,
            Self::Accuracy
                | Self::AccuracyNorm
                | Self::Mc1
                | Self::ExactMatch
                | Self::Abstention
                | Self::WrongAnswer
        )
    }
}

/// How an interval was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IntervalKind {
    /// Wilson's score interval of a proportion (Wilson 1927).
    Wilson,
    /// Percentiles of a bootstrap over items.
    Bootstrap,
}

/// How intervals are found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Confidence {
    /// Confidence level of intervals, in (0, 1).
    pub level: f64,
    /// Bootstrap resamples of the items; 0 for no bootstrap.
    pub resamples: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
}

impl Default for Confidence {
    fn default() -> Self {
        Self {
            level: 0.95,
            resamples: 1000,
            seed: 0,
        }
    }
}

impl Confidence {
    /// Refuses what no interval can be found with.
    ///
    /// # Errors
    /// When the level is no share, or resamples are too many.
    pub fn validate(&self) -> Result<(), EvalError> {
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(EvalError::Confidence(self.level));
        }
        match self.resamples > MOST_RESAMPLES {
            true => Err(EvalError::Resamples(self.resamples)),
            false => Ok(()),
        }
    }

    /// Resamples of so many units.
    pub fn resamples(&self, units: usize) -> Resamples {
        Resamples::new(units, self.resamples, self.seed)
    }
}

/// A metric of one model on one dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricResult {
    /// Which.
    pub metric: Metric,
    /// Its value; none where it is not finite.
    pub value: Option<f64>,
    /// Lower end of the interval; none where there is none.
    pub low: Option<f64>,
    /// Upper end of the interval; none where there is none.
    pub high: Option<f64>,
    /// How the interval was found.
    pub interval: IntervalKind,
    /// Whether the interval is a bootstrap's over fewer than 10 items or windows, and so too narrow.
    #[serde(default)]
    pub rough: bool,
    /// What choosing at random would give; none where that is not known.
    pub chance: Option<f64>,
    /// What each item contributes, in the order of the dataset.
    pub sample: Sample,
}

impl MetricResult {
    /// The metric of a sample.
    pub fn of(metric: Metric, sample: Sample, confidence: &Confidence) -> Self {
        let resamples = confidence.resamples(sample.len());
        let value = sample.value(resamples.data());
        let (interval, ends) = match metric.is_proportion() {
            true => (
                IntervalKind::Wilson,
                value.map(|share| wilson(share, sample.len(), confidence.level)),
            ),
            false => (
                IntervalKind::Bootstrap,
                resamples.interval(confidence.level, |draw| sample.value(draw)),
            ),
        };
        Self {
            metric,
            value,
            low: ends.map(|(low, _)| low),
            high: ends.map(|(_, high)| high),
            interval,
            rough: interval == IntervalKind::Bootstrap && sample.len() < FEW_UNITS,
            chance: None,
            sample,
        }
    }

    /// The same, told what choosing at random would give.
    pub fn with_chance(self, chance: f64) -> Self {
        Self {
            chance: Some(chance),
            ..self
        }
    }
}
