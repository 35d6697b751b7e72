//! Which layers to remove.

use std::{collections::BTreeSet, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    MethodId,
    columns::{baseline_label, baseline_order},
};

/// How much may go.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// This many layers.
    Count(usize),
    /// This share of the layers, in (0, 1), rounded to the nearest whole layer, halves up.
    Share(f64),
    /// As many as perplexity on the calibration text allows: it may rise by this share, such as 0.1 for
    /// a tenth.
    Tolerance(f64),
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(1) => f.write_str("1 layer"),
            Self::Count(count) => write!(f, "{count} layers"),
            Self::Share(share) => write!(f, "{} % of the layers", 100.0 * share),
            Self::Tolerance(share) => {
                write!(f, "while perplexity rises by at most {} %", 100.0 * share)
            }
        }
    }
}

/// Layers that a person has decided on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Constraints {
    /// Layers that stay.
    pub protected: BTreeSet<usize>,
    /// Layers that go first; they count towards the budget.
    pub forced: BTreeSet<usize>,
}

/// Whether layers are chosen once, or again after each removal.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// The lowest layers of one measurement.
    OneShot,
    /// The lowest layer, then the lowest of the model without it, and so on.
    Iterative,
    /// The same, where the model without the layers chosen so far is healed by scaling before the next is chosen.
    IterativeScale,
    /// The same, where it is healed by refitting.
    IterativeRefit,
}

impl Schedule {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::OneShot,
        Self::Iterative,
        Self::IterativeScale,
        Self::IterativeRefit,
    ];
    /// Whether what is left is healed before the next layer is chosen.
    pub fn heals(self) -> bool {
        matches!(self, Self::IterativeScale | Self::IterativeRefit)
    }

    /// Their names, for people.
    pub const CHOICES: &str = "one-shot, iterative, iterative-scale, iterative-refit";
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::OneShot => "one-shot",
            Self::Iterative => "iterative",
            Self::IterativeScale => "iterative-scale",
            Self::IterativeRefit => "iterative-refit",
        })
    }
}

impl FromStr for Schedule {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |schedule: &Self| schedule.to_string() == text;
        let found = Self::ALL.into_iter().find(named);
        found.ok_or_else(|| PlanError::Schedule(text.to_owned()))
    }
}

/// Layers to remove, and who chose them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The method, as in the scores; `by_hand` for none.
    pub method: MethodId,
    /// Its name for people.
    pub label: String,
    /// How it was followed.
    pub schedule: Schedule,
    /// The layers as the whole model numbers them, the first to go first.
    pub removed: Vec<usize>,
}

/// A plan that cannot be made.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PlanError {
    /// A share that is none, all, or no share.
    #[error("a share of {0} cannot be removed: it must lie between 0 and 1, both excluded")]
    Share(f64),
    /// A share so small that it rounds to no layer.
    #[error(
        "a share of {share} of {layers} layers rounds to none; the smallest that removes one is {}",
        0.5 / *layers as f64
    )]
    RoundsToNone {
        /// What was asked for.
        share: f64,
        /// Layers of the model.
        layers: usize,
    },
    /// A tolerance that is negative or no number.
    #[error("perplexity cannot be let rise by a share of {0}; it must be 0 or more")]
    Tolerance(f64),
    /// Nothing would go, or nothing would stay.
    #[error("{count} of {layers} layers cannot be removed: at least one must go and one must stay")]
    Count {
        /// What was asked for.
        count: usize,
        /// Layers of the model.
        layers: usize,
    },
    /// Too few layers may go.
    #[error("{count} layers are to be removed, but only {free} of {layers} are not protected")]
    Protected {
        /// What was asked for.
        count: usize,
        /// Layers that may go.
        free: usize,
        /// Layers of the model.
        layers: usize,
    },
    /// More layers are forced than may go.
    #[error("{forced} layers are forced to go, but the budget is {count}")]
    Forced {
        /// Layers forced.
        forced: usize,
        /// What was asked for.
        count: usize,
    },
    /// A layer is named that does not exist.
    #[error("there is no layer {layer}: the model has {layers}, numbered from 0")]
    NoSuchLayer {
        /// What was named.
        layer: usize,
        /// Layers of the model.
        layers: usize,
    },
    /// A layer is named twice.
    #[error("layer {0} is named twice")]
    Twice(usize),
    /// A layer is to stay and to go.
    #[error("layer {0} is protected and forced at once")]
    Contradiction(usize),
    /// A method ranks too few layers.
    #[error("{method} has a value for only {ranked} of the layers that may go; {count} are needed")]
    Unranked {
        /// The method.
        method: String,
        /// Layers that it ranks.
        ranked: usize,
        /// Layers needed.
        count: usize,
    },
    /// No such way of following a method.
    #[error("`{found}` is no schedule; there are {known}", found = .0, known = Schedule::CHOICES)]
    Schedule(String),
}

impl Budget {
    /// Layers to remove from `layers`; for a tolerance, the most that could go.
    ///
    /// # Errors
    /// When the budget or the constraints leave nothing to remove, nothing that stays, or contradict
    /// each other.
    pub fn count(&self, layers: usize, constraints: &Constraints) -> Result<usize, PlanError> {
        constraints.validate(layers)?;
        let free = layers - constraints.protected.len();
        let count = match *self {
            Self::Count(count) => count,
            Self::Share(share) if share > 0.0 && share < 1.0 => {
                let count = (share * layers as f64 + 0.5).floor() as usize;
                if count == 0 {
                    return Err(PlanError::RoundsToNone { share, layers });
                }
                count
            }
            Self::Share(share) => return Err(PlanError::Share(share)),
            Self::Tolerance(share) if share >= 0.0 && share.is_finite() => {
                free.min(layers.saturating_sub(1))
            }
            Self::Tolerance(share) => return Err(PlanError::Tolerance(share)),
        };
        if count > free {
            return Err(PlanError::Protected {
                count,
                free,
                layers,
            });
        }
        if count == 0 || count >= layers {
            return Err(PlanError::Count { count, layers });
        }
        let forced = constraints.forced.len();
        match forced > count {
            true => Err(PlanError::Forced { forced, count }),
            false => Ok(count),
        }
    }
}

impl Constraints {
    fn validate(&self, layers: usize) -> Result<(), PlanError> {
        let mut named = self.protected.iter().chain(&self.forced);
        if let Some(&layer) = named.find(|layer| **layer >= layers) {
            return Err(PlanError::NoSuchLayer { layer, layers });
        }
        match self.protected.intersection(&self.forced).next() {
            Some(&layer) => Err(PlanError::Contradiction(layer)),
            None => Ok(()),
        }
    }

    /// The first `count` of `order` that may go, after those that must.
    ///
    /// # Errors
    /// When the order has too few layers.
    pub fn choose(
        &self,
        label: &str,
        order: &[usize],
        count: usize,
    ) -> Result<Vec<usize>, PlanError> {
        let is_free =
            |layer: &&usize| !self.protected.contains(layer) && !self.forced.contains(layer);
        let forced = self.forced.iter();
        let chosen: Vec<usize> = forced
            .chain(order.iter().filter(is_free))
            .take(count)
            .copied()
            .collect();
        match chosen.len() == count {
            true => Ok(chosen),
            false => Err(PlanError::Unranked {
                method: label.to_owned(),
                ranked: chosen.len(),
                count,
            }),
        }
    }
}

impl Plan {
    /// Layers that a person names.
    ///
    /// # Errors
    /// When a layer does not exist or is named twice, or none is named or would stay.
    pub fn by_hand(removed: Vec<usize>, layers: usize) -> Result<Self, PlanError> {
        let mut seen = BTreeSet::new();
        for &layer in &removed {
            if layer >= layers {
                return Err(PlanError::NoSuchLayer { layer, layers });
            }
            if !seen.insert(layer) {
                return Err(PlanError::Twice(layer));
            }
        }
        let count = removed.len();
        if count == 0 || count >= layers {
            return Err(PlanError::Count { count, layers });
        }
        Ok(Self {
            method: MethodId::ByHand,
            label: "by hand".into(),
            schedule: Schedule::OneShot,
            removed,
        })
    }

    /// The plan of a method that reads no text: by position, or by chance. None for other methods, and under a tolerance,
    /// which is measured.
    ///
    /// # Errors
    /// When the budget or the constraints cannot be met.
    pub fn without_text(
        method: MethodId,
        layers: usize,
        budget: Budget,
        constraints: &Constraints,
    ) -> Result<Option<Self>, PlanError> {
        let order = baseline_order(method, layers);
        let (Some(order), Budget::Count(_) | Budget::Share(_)) = (order, budget) else {
            return Ok(None);
        };
        let (label, count) = (baseline_label(method), budget.count(layers, constraints)?);
        Ok(Some(Self {
            removed: constraints.choose(&label, &order, count)?,
            method,
            label,
            schedule: Schedule::OneShot,
        }))
    }

    /// The layers as a set.
    pub fn set(&self) -> BTreeSet<usize> {
        self.removed.iter().copied().collect()
    }
}
