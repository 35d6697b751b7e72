//! Which method a score, a plan or a correlation is of.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use thiserror::Error;

/// What every layer gets a value by. Written as in reports: `avss`, `angular_distance_1_mean`, `random_2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MethodId {
    /// Activation variance over sparsity.
    Avss,
    /// The same over its sum.
    AvssNormalised,
    /// Normalised activation variance.
    Nav,
    /// Normalised activation sparsity.
    Nas,
    /// Running sum of normalised AVSS, first layer first.
    CavssLayerOrder,
    /// Running sum of normalised AVSS, lowest first.
    CavssRankOrder,
    /// AVSS of what a block writes over that of what it reads.
    RelativeAvss,
    /// One less the mean cosine of a block's input and output.
    BlockInfluence,
    /// The update's norm over the output's.
    RelativeMagnitude,
    /// Mean angle between hidden states so many blocks apart, over all tokens.
    AngularDistanceMean(usize),
    /// The same at the last token of each sequence.
    AngularDistanceLast(usize),
    /// The measured loss without the layer, less that with it.
    LossChange,
    /// The last layers first.
    LastK,
    /// The first layers first.
    FirstK,
    /// Chance, by its seed.
    Random(u64),
    /// No method: a person chose the layers.
    ByHand,
}

/// Methods without a number.
const NAMED: [(MethodId, &str); 13] = [
    (MethodId::Avss, "avss"),
    (MethodId::AvssNormalised, "avss_normalised"),
    (MethodId::Nav, "nav"),
    (MethodId::Nas, "nas"),
    (MethodId::CavssLayerOrder, "cavss_layer_order"),
    (MethodId::CavssRankOrder, "cavss_rank_order"),
    (MethodId::RelativeAvss, "relative_avss"),
    (MethodId::BlockInfluence, "block_influence"),
    (MethodId::RelativeMagnitude, "relative_magnitude"),
    (MethodId::LossChange, "loss_change"),
    (MethodId::LastK, "last_k"),
    (MethodId::FirstK, "first_k"),
    (MethodId::ByHand, "by_hand"),
];

impl MethodId {
    /// What layers can be removed by, as a person may write it.
    pub const CHOICES: &str = "avss, relative_avss, block_influence, relative_magnitude, angular_distance_1_mean, \
        angular_distance_1_last, loss_change, last_k, first_k or random_1";

    /// Whether chance alone decides.
    pub fn is_random(self) -> bool {
        matches!(self, Self::Random(_))
    }

    /// Whether it depends on what a model does with a text.
    pub fn reads_text(self) -> bool {
        !matches!(
            self,
            Self::LastK | Self::FirstK | Self::Random(_) | Self::ByHand
        )
    }
}

impl fmt::Display for MethodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AngularDistanceMean(span) => write!(f, "angular_distance_{span}_mean"),
            Self::AngularDistanceLast(span) => write!(f, "angular_distance_{span}_last"),
            Self::Random(seed) => write!(f, "random_{seed}"),
            named => {
                let mut names = NAMED.iter().filter(|(method, _)| method == named);
                f.write_str(names.next().map_or("", |(_, name)| name))
            }
        }
    }
}

/// A method that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no method is called `{0}`: there are {choices}", choices = MethodId::CHOICES)]
pub struct UnknownMethod(String);

impl FromStr for MethodId {
    type Err = UnknownMethod;

    /// As reports write it, or as tables show it: `block_influence`, `block-influence` and `Block Influence` are one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.to_lowercase().replace([' ', '-'], "_");
        if let Some((method, _)) = NAMED.iter().find(|(_, known)| *known == name) {
            return Ok(*method);
        }
        let numbered = || {
            if let Some(seed) = name.strip_prefix("random_") {
                return seed.parse().ok().map(Self::Random);
            }
            let (span, tokens) = name.strip_prefix("angular_distance_")?.split_once('_')?;
            let span = span.parse().ok()?;
            match tokens {
                "mean" => Some(Self::AngularDistanceMean(span)),
                "last" => Some(Self::AngularDistanceLast(span)),
                _ => None,
            }
        };
        numbered().ok_or_else(|| UnknownMethod(text.to_owned()))
    }
}

impl Serialize for MethodId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MethodId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        name.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for MethodId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MethodId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_read_as_it_is_written() {
        let numbered = [
            MethodId::AngularDistanceMean(3),
            MethodId::AngularDistanceLast(1),
            MethodId::Random(7),
        ];
        for method in NAMED.map(|(method, _)| method).into_iter().chain(numbered) {
            let name = method.to_string();
            assert!(!name.is_empty());
            assert_eq!(name.parse(), Ok(method));
            let json = serde_json::to_string(&method).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<MethodId>(&json).unwrap(), method);
        }
        for choice in MethodId::CHOICES.split([',', ' ']) {
            if !matches!(choice, "" | "or") {
                assert_eq!(choice.parse::<MethodId>().unwrap().to_string(), choice);
            }
        }
    }

    #[test]
    fn a_name_for_people_is_read_too() {
        assert_eq!("Block Influence".parse(), Ok(MethodId::BlockInfluence));
        assert_eq!("loss-change".parse(), Ok(MethodId::LossChange));
        for unknown in [
            "",
            "avs",
            "random_",
            "angular_distance_1",
            "angular_distance_x_mean",
            "angular_distance_1_first",
        ] {
            let error = unknown.parse::<MethodId>().unwrap_err();
            assert!(error.to_string().contains("loss_change"), "{error}");
        }
    }

    #[test]
    fn what_needs_no_text_is_known() {
        assert!(MethodId::Avss.reads_text() && MethodId::LossChange.reads_text());
        for method in [
            MethodId::LastK,
            MethodId::FirstK,
            MethodId::Random(1),
            MethodId::ByHand,
        ] {
            assert!(!method.reads_text());
            assert_eq!(method.is_random(), method == MethodId::Random(1));
        }
    }

    #[test]
    fn schemas_have_a_method_where_it_is_used() {
        let of_one = schemars::schema_for!(MethodId).to_value();
        assert_eq!(
            (&of_one["title"], &of_one["type"]),
            (&"MethodId".into(), &"string".into())
        );
        let of_many = schemars::schema_for!(Vec<MethodId>).to_value();
        assert_eq!(of_many["items"], serde_json::json!({ "type": "string" }));
    }
}
