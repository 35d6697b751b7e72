//! The ways in which a cut is healed.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is done to the layers that stay.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Healing {
    /// Nothing.
    None,
    /// The residual stream at each gap is made as large as it was: one number a gap.
    Scale,
    /// The last map before each gap is fitted in closed form to what the layers removed had given.
    Refit,
    /// Adapters on the layers that stay learn to predict what the whole model predicts.
    Distil,
    /// First refit, then distil.
    RefitDistil,
}

impl Healing {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Scale,
        Self::Refit,
        Self::Distil,
        Self::RefitDistil,
    ];
    /// Their names, for people.
    pub const CHOICES: &str = "none, scale, refit, distil, refit+distil";

    /// Whether adapters are trained.
    pub fn distils(self) -> bool {
        matches!(self, Self::Distil | Self::RefitDistil)
    }
}

impl fmt::Display for Healing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Scale => "scale",
            Self::Refit => "refit",
            Self::Distil => "distil",
            Self::RefitDistil => "refit+distil",
        })
    }
}

impl FromStr for Healing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|way| way.to_string() == text);
        named.ok_or_else(|| {
            format!(
                "there is no way `{text}` to heal; there are {}",
                Self::CHOICES
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_read_as_it_is_written() {
        for way in Healing::ALL {
            assert_eq!(way.to_string().parse(), Ok(way));
            assert!(Healing::CHOICES.contains(&way.to_string()));
        }
        assert!("heal".parse::<Healing>().is_err());
    }
}
