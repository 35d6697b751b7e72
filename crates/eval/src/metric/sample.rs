//! What each item contributes to a metric.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{calibration::Gaps, numbers};

/// What each item contributes to a metric. The metric is a function of how often each is drawn, so that a
/// bootstrap needs no code of its own per metric. What a model gave no finite number for is NaN, null in JSON; the
/// metric is then undefined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Sample {
    /// Numbers to average: 1 and 0 for right and wrong, or a share.
    Mean {
        /// One for each item.
        #[serde(with = "numbers")]
        #[schemars(with = "Vec<Option<f64>>")]
        values: Vec<f64>,
    },
    /// Cross-entropy to average over tokens and raise e to.
    Perplexity {
        /// Summed cross-entropy of each window, in nats.
        #[serde(with = "numbers")]
        #[schemars(with = "Vec<Option<f64>>")]
        losses: Vec<f64>,
        /// Predicted tokens of each window.
        tokens: Vec<f64>,
    },
    /// Cross-entropy to divide by the bytes of text that it is of. A token counts to the block of 1,024 bytes where the
    /// text that it stands for begins, so that models with different tokenizers have the same blocks.
    BitsPerByte {
        /// Summed cross-entropy of each block, in bits.
        #[serde(with = "numbers")]
        #[schemars(with = "Vec<Option<f64>>")]
        bits: Vec<f64>,
        /// Bytes of UTF-8 that predicted tokens of each block stand for.
        bytes: Vec<f64>,
    },
    /// Confidence to compare with accuracy.
    Calibration {
        /// Probability of the likeliest choice of each item.
        #[serde(with = "numbers")]
        #[schemars(with = "Vec<Option<f64>>")]
        confidences: Vec<f64>,
        /// Whether it is right.
        right: Vec<bool>,
    },
}

impl Sample {
    /// Right or wrong, item by item; none where that is undefined.
    pub fn of_outcomes(right: impl IntoIterator<Item = Option<bool>>) -> Self {
        let value = |right| f64::from(u8::from(right));
        let values = right.into_iter();
        Self::Mean {
            values: values.map(|right| right.map_or(f64::NAN, value)).collect(),
        }
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        match self {
            Self::Mean { values } => values.len(),
            Self::Perplexity { losses, .. } => losses.len(),
            Self::BitsPerByte { bits, .. } => bits.len(),
            Self::Calibration { right, .. } => right.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The metric with each item counted as often as `draw` says; none where it is not finite.
    pub fn value(&self, draw: &[u32]) -> Option<f64> {
        let weighted = |values: &[f64]| -> f64 {
            let terms = values.iter().zip(draw);
            terms.map(|(value, &times)| f64::from(times) * value).sum()
        };
        let value = match self {
            Self::Mean { values } => {
                weighted(values) / draw.iter().map(|&times| f64::from(times)).sum::<f64>()
            }
            Self::Perplexity { losses, tokens } => (weighted(losses) / weighted(tokens)).exp(),
            Self::BitsPerByte { bits, bytes } => weighted(bits) / weighted(bytes),
            Self::Calibration { confidences, right } => {
                let mut gaps = Gaps::default();
                for ((confidence, right), &times) in confidences.iter().zip(right).zip(draw) {
                    gaps.add(*confidence, *right, f64::from(times));
                }
                gaps.expected_error()
            }
        };
        Some(value).filter(|value| value.is_finite())
    }

    /// The metric of `other` less that of this sample, had the two exchanged what `exchanged` items contribute; none where
    /// either is not finite, or they are not of as many items of one kind.
    pub(super) fn difference(
        &self,
        other: &Self,
        exchanged: impl Fn(usize) -> bool,
    ) -> Option<f64> {
        if self.len() != other.len() {
            return None;
        }
        // Sums over items of what lies on this side and on the other.
        let sums = |a: &[f64], b: &[f64]| {
            let mut sums = [0.0; 2];
            for (unit, (a, b)) in a.iter().zip(b).enumerate() {
                let (a, b) = if exchanged(unit) { (b, a) } else { (a, b) };
                sums[0] += a;
                sums[1] += b;
            }
            sums
        };
        let quotients = |[a, b]: [f64; 2], [of_a, of_b]: [f64; 2]| [a / of_a, b / of_b];
        let [a, b] = match (self, other) {
            (Self::Mean { values: a }, Self::Mean { values: b }) => {
                sums(a, b).map(|sum| sum / a.len() as f64)
            }
            (
                Self::Perplexity {
                    losses: a,
                    tokens: of_a,
                },
                Self::Perplexity {
                    losses: b,
                    tokens: of_b,
                },
            ) => quotients(sums(a, b), sums(of_a, of_b)).map(f64::exp),
            (
                Self::BitsPerByte {
                    bits: a,
                    bytes: of_a,
                },
                Self::BitsPerByte {
                    bits: b,
                    bytes: of_b,
                },
            ) => quotients(sums(a, b), sums(of_a, of_b)),
            (
                Self::Calibration {
                    confidences: a,
                    right: of_a,
                },
                Self::Calibration {
                    confidences: b,
                    right: of_b,
                },
            ) => {
                let mut gaps = [Gaps::default(), Gaps::default()];
                for (unit, (a, b)) in a.iter().zip(of_a).zip(b.iter().zip(of_b)).enumerate() {
                    let side = usize::from(exchanged(unit));
                    gaps[side].add(*a.0, *a.1, 1.0);
                    gaps[1 - side].add(*b.0, *b.1, 1.0);
                }
                gaps.map(|gaps| gaps.expected_error())
            }
            _ => return None,
        };
        Some(b - a).filter(|difference| difference.is_finite())
    }

    /// The items of both; none where they are of two kinds.
    pub fn joined(self, other: Self) -> Option<Self> {
        let both = |a: Vec<f64>, b: Vec<f64>| [a, b].concat();
        Some(match (self, other) {
            (Self::Mean { values: a }, Self::Mean { values: b }) => {
                Self::Mean { values: both(a, b) }
            }
            (
                Self::Perplexity {
                    losses: a,
                    tokens: of_a,
                },
                Self::Perplexity {
                    losses: b,
                    tokens: of_b,
                },
            ) => Self::Perplexity {
                losses: both(a, b),
                tokens: both(of_a, of_b),
            },
            (
                Self::BitsPerByte {
                    bits: a,
                    bytes: of_a,
                },
                Self::BitsPerByte {
                    bits: b,
                    bytes: of_b,
                },
            ) => Self::BitsPerByte {
                bits: both(a, b),
                bytes: both(of_a, of_b),
            },
            (
                Self::Calibration {
                    confidences: a,
                    right: of_a,
                },
                Self::Calibration {
                    confidences: b,
                    right: of_b,
                },
            ) => Self::Calibration {
                confidences: both(a, b),
                right: [of_a, of_b].concat(),
            },
            _ => return None,
        })
    }

    /// This sample with what follows it of the same dataset, by the same model; none where they are of two kinds. Blocks of text may
    /// reach from one part into the next.
    pub(crate) fn continued(self, next: Self) -> Option<Self> {
        match (self, next) {
            (
                Self::BitsPerByte { bits, bytes },
                Self::BitsPerByte {
                    bits: more_bits,
                    bytes: more_bytes,
                },
            ) => Some(Self::BitsPerByte {
                bits: sums(bits, &more_bits),
                bytes: sums(bytes, &more_bytes),
            }),
            (this, next) => this.joined(next),
        }
    }

    /// Both samples on what both models were asked: all items, where these are as many. Blocks of text may be more on
    /// one side, where windows are limited and one model's tokens are shorter; those that both have read count.
    pub(super) fn in_common(&self, other: &Self) -> Option<[Self; 2]> {
        if let (Self::BitsPerByte { .. }, Self::BitsPerByte { .. }) = (self, other) {
            let common = self.len().min(other.len());
            return Some([self, other].map(|sample| sample.beginning(common)));
        }
        (self.len() == other.len()).then(|| [self.clone(), other.clone()])
    }

    fn beginning(&self, units: usize) -> Self {
        match self {
            Self::BitsPerByte { bits, bytes } => Self::BitsPerByte {
                bits: bits.iter().take(units).copied().collect(),
                bytes: bytes.iter().take(units).copied().collect(),
            },
            other => other.clone(),
        }
    }
}

/// Sums of two lists, place by place; where one is longer, its own.
fn sums(mut one: Vec<f64>, other: &[f64]) -> Vec<f64> {
    one.resize(one.len().max(other.len()), 0.0);
    for (sum, more) in one.iter_mut().zip(other) {
        *sum += more;
    }
    one
}
