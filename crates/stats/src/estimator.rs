//! Which variance, and what counts as near zero.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A text that names no known value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{found}` is not a {what}; expected {expected}")]
pub struct ParseError {
    what: &'static str,
    found: String,
    expected: String,
}

impl ParseError {
    pub(crate) fn new(what: &'static str, found: &str, expected: impl Into<String>) -> Self {
        Self {
            what,
            found: found.to_owned(),
            expected: expected.into(),
        }
    }
}

/// Estimators of the activation variance (AV). The sources of AVSS disagree, so the report names
/// which one was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// Per sequence the mean over tokens of each channel, then the unbiased variance over the
    /// channels of that vector; mean over sequences. What the authors' code computes.
    Pooled,
    /// Population variance over all elements. The formula of arXiv 2411.02117 read plainly.
    Element,
    /// Population variance over tokens of each channel; mean over channels.
    Channel,
}

impl Estimator {
    /// Every estimator.
    pub const ALL: [Self; 3] = [Self::Pooled, Self::Element, Self::Channel];

    /// Its name in reports and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pooled => "pooled",
            Self::Element => "element",
            Self::Channel => "channel",
        }
    }
}

impl fmt::Display for Estimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Estimator {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|one| one.name() == text);
        named.ok_or_else(|| {
            ParseError::new(
                "variance estimator",
                text,
                Self::ALL.map(Self::name).join(", "),
            )
        })
    }
}

/// The threshold below which an element counts as inactive. Written `1e-5` or `rel:0.05`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Epsilon {
    /// In the activation's own units.
    Absolute(f64),
    /// As a share of the root mean square of the layer's activation.
    Relative(f64),
}

impl Epsilon {
    /// The threshold that a pass can count below, which does not know yet what the layer's root mean square will be;
    /// none for a relative one.
    pub fn absolute(self) -> Option<f64> {
        match self {
            Self::Absolute(threshold) => Some(threshold),
            Self::Relative(_) => None,
        }
    }
}

impl fmt::Display for Epsilon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute(value) => write!(f, "{value:?}"),
            Self::Relative(share) => write!(f, "rel:{share:?}"),
        }
    }
}

impl FromStr for Epsilon {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, make): (_, fn(f64) -> Self) = match text.strip_prefix("rel:") {
            Some(share) => (share, Self::Relative),
            None => (text, Self::Absolute),
        };
        match number.parse::<f64>() {
            Ok(value) if value > 0.0 && value.is_finite() => Ok(make(value)),
            _ => Err(ParseError::new(
                "sparsity threshold",
                text,
                "a number above 0, such as 1e-5, or a share of the RMS, such as rel:0.05",
            )),
        }
    }
}

impl TryFrom<String> for Epsilon {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Epsilon> for String {
    fn from(epsilon: Epsilon) -> Self {
        epsilon.to_string()
    }
}

impl JsonSchema for Epsilon {
    fn schema_name() -> Cow<'static, str> {
        "Epsilon".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Sparsity threshold: a number in the activation's units, or `rel:` and a share of the layer's RMS.",
            "pattern": "^(rel:)?[0-9]"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_round_trip() {
        for text in ["1e-5", "0.05", "rel:0.05", "rel:2.0", "12.0"] {
            let epsilon: Epsilon = text.parse().unwrap();
            assert_eq!(epsilon.to_string().parse(), Ok(epsilon), "{text}");
        }
        assert_eq!("1e-5".parse(), Ok(Epsilon::Absolute(1e-5)));
        assert_eq!("rel:0.05".parse(), Ok(Epsilon::Relative(0.05)));
        assert_eq!(Epsilon::Absolute(1e-5).absolute(), Some(1e-5));
        assert_eq!(Epsilon::Relative(0.05).absolute(), None);
    }

    #[test]
    fn thresholds_that_mean_nothing_are_refused() {
        for text in [
            "0", "-1", "rel:0", "rel:-0.1", "NaN", "inf", "rel:inf", "", "rel:", "x",
        ] {
            assert!(text.parse::<Epsilon>().is_err(), "{text}");
        }
    }
}
