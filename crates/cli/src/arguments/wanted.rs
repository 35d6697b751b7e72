//! Whether something that takes long is measured.

use anyhow::anyhow;
use clap::ValueEnum;

use crate::Failure;

/// What is worth this many seconds is measured unasked.
pub const WORTH_SECONDS: f64 = 60.0;

/// Whether it is measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Wanted {
    #[default]
    Auto,
    Always,
    Never,
}

impl Wanted {
    /// Refuses to decide part by part: `option` is what asks for it.
    ///
    /// # Errors
    /// Where that depends on the machine.
    pub fn refuse_auto(self, option: &str) -> Result<(), Failure> {
        match self {
            Self::Auto => Err(Failure::usage(anyhow!(
                "{option} auto depends on how fast a machine is, and all shards must do the same: say {option} always or never"
            ))),
            Self::Always | Self::Never => Ok(()),
        }
    }
}
