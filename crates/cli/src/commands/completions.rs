//! `layerlab completions`.

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::{Failure, output::print};

/// Write what completes this command's options in a shell
#[derive(Args)]
#[command(after_help = "\
Example:
  layerlab completions bash > ~/.local/share/bash-completion/completions/layerlab")]
pub struct Arguments {
    /// Which shell
    shell: Shell,
}

/// Runs it.
///
/// # Errors
/// When the standard output cannot be written to.
pub fn run(arguments: &Arguments, mut command: Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut command, "layerlab", &mut script);
    print(script)
}
