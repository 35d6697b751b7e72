//! Where in a block an activation is read.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ParseError;

/// A place in a transformer block. Every activation is `[batch, tokens, channels]`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Tap {
    /// The residual stream before the block.
    Input,
    /// The residual stream after the block: what the AVSS authors' code reads.
    Output,
    /// Output minus input: what the block wrote.
    Update,
    /// What the attention sublayer adds.
    Attention,
    /// What the MLP sublayer adds.
    Mlp,
    /// The MLP's inner activation.
    Neurons,
}

impl Tap {
    /// Every tap.
    pub const ALL: [Self; 6] = [
        Self::Input,
        Self::Output,
        Self::Update,
        Self::Attention,
        Self::Mlp,
        Self::Neurons,
    ];

    /// Its name in reports and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::Update => "update",
            Self::Attention => "attention",
            Self::Mlp => "mlp",
            Self::Neurons => "neurons",
        }
    }
}

impl fmt::Display for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Tap {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|tap| tap.name() == text);
        named.ok_or_else(|| ParseError::new("tap", text, Self::ALL.map(Self::name).join(", ")))
    }
}
