//! Which layers are repaired.

use std::{collections::BTreeSet, fmt, str::FromStr};

use layerlab_model::ModelError;
use layerlab_score::LayerContrast;
use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::locate::Contrasted;
use crate::LabError;

/// How the layers to repair are chosen. Written `eavss`, `probe`, `margin-change`, `last`, `all`, `each`,
/// `random:SEED`, or as numbers joined by `+`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LayerChoice {
    /// The highest propensity |ln EAVSS| on training pairs, at the output of blocks.
    Eavss,
    /// The highest AUROC of the mass-mean probe on training pairs, at the output of blocks.
    Probe,
    /// Those whose absence raises the margin of right answers over wrong ones, per token, most, measured on training pairs.
    MarginChange,
    /// Drawn at random.
    Random {
        /// By this seed.
        seed: u64,
    },
    /// The last.
    Last,
    /// Every layer, each with adapters of the same rank: more weights in all.
    All,
    /// Each layer alone, one training after the other: what the other choices are to be measured by.
    Each,
    /// By hand.
    Given {
        /// These.
        layers: BTreeSet<usize>,
    },
}

impl fmt::Display for LayerChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eavss => f.write_str("eavss"),
            Self::Probe => f.write_str("probe"),
            Self::MarginChange => f.write_str("margin-change"),
            Self::Random { seed } => write!(f, "random:{seed}"),
            Self::Last => f.write_str("last"),
            Self::All => f.write_str("all"),
            Self::Each => f.write_str("each"),
            Self::Given { layers } => {
                let layers: Vec<String> = layers.iter().map(ToString::to_string).collect();
                f.write_str(&layers.join("+"))
            }
        }
    }
}

impl FromStr for LayerChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "eavss" => return Ok(Self::Eavss),
            "probe" => return Ok(Self::Probe),
            "margin-change" => return Ok(Self::MarginChange),
            "last" => return Ok(Self::Last),
            "all" => return Ok(Self::All),
            "each" => return Ok(Self::Each),
            _ => {}
        }
        if let Some(seed) = text.strip_prefix("random:") {
            let seed = seed.parse().map_err(|_| format!("`{seed}` is no seed"))?;
            return Ok(Self::Random { seed });
        }
        let layers: Result<BTreeSet<usize>, _> = text.split('+').map(str::parse).collect();
        match layers {
            Ok(layers) => Ok(Self::Given { layers }),
            Err(_) => Err(format!(
                "`{text}` is no choice of layers; expected eavss, probe, margin-change, last, all, each, random:SEED, or numbers joined by +"
            )),
        }
    }
}

/// The choices with each layer alone, as given by hand, in the place of [`LayerChoice::Each`].
pub(super) fn spelled_out(choices: &[LayerChoice], layers: usize) -> Vec<LayerChoice> {
    let choices = choices.iter().flat_map(|choice| match choice {
        LayerChoice::Each => (0..layers)
            .map(|layer| LayerChoice::Given {
                layers: BTreeSet::from([layer]),
            })
            .collect(),
        other => vec![other.clone()],
    });
    choices.collect()
}

/// The layers of a choice.
pub(super) fn chosen(
    choice: &LayerChoice,
    count: Option<usize>,
    located: &Contrasted,
    layers: usize,
) -> Result<BTreeSet<usize>, LabError> {
    let quarter = ((layers as f64 * 0.25).round() as usize).max(1);
    let count = count.unwrap_or(quarter).clamp(1, layers);
    let highest = |mut ranked: Vec<(f64, usize)>| {
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let ranked = ranked.into_iter().take(count);
        ranked.map(|(_, layer)| layer).collect()
    };
    let of_tap = |value: fn(&LayerContrast) -> Option<f64>| {
        let layers = located.taps.first().map_or(&[][..], |tap| &tap.layers);
        let values = layers.iter();
        let values = values.filter_map(|layer| Some((value(layer)?, layer.layer)));
        values.collect::<Vec<_>>()
    };
    Ok(match choice {
        LayerChoice::Eavss => highest(of_tap(|layer| layer.propensity)),
        LayerChoice::Probe => highest(of_tap(|layer| layer.auroc.value)),
        LayerChoice::MarginChange => {
            let margins = located.margins.iter().flat_map(|margins| &margins.layers);
            let rises = margins.filter_map(|layer| Some((layer.per_token.value?, layer.layer)));
            highest(rises.collect())
        }
        LayerChoice::Random { seed } => {
            let mut random = ChaCha8Rng::seed_from_u64(*seed);
            index::sample(&mut random, layers, count)
                .into_iter()
                .collect()
        }
        LayerChoice::Last => (layers - count..layers).collect(),
        LayerChoice::All | LayerChoice::Each => (0..layers).collect(),
        LayerChoice::Given { layers: given } => {
            if let Some(&layer) = given.iter().find(|layer| **layer >= layers) {
                return Err(ModelError::NoSuchLayer { layer, layers }.into());
            }
            given.clone()
        }
    })
}
