//! Texts of our own, for models that bring none: plain prose of several kinds, stories and dialogue, instructions, explanations, news,
//! letters, some code.

/// A text, and what reports call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GeneralText {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub contents: &'static str,
}

/// To score layers on, about 3,500 tokens.
pub const CALIBRATION: GeneralText = GeneralText {
    name: "layerlab/general.txt",
    contents: include_str!("../texts/general.txt"),
};

/// To judge on, about 900 tokens of other pieces.
pub const HELD_OUT: GeneralText = GeneralText {
    name: "layerlab/general_held_out.txt",
    contents: include_str!("../texts/general_held_out.txt"),
};
