//! Texts that the user names.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use anyhow::Context;

use crate::Failure;

/// The contents of a file, or of the standard input for `-`.
///
/// # Errors
/// When it cannot be read or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    let read = match path == Path::new("-") {
        true => {
            let mut contents = Vec::new();
            io::stdin().read_to_end(&mut contents).map(|_| contents)
        }
        false => fs::read(path),
    };
    let bytes = read
        .with_context(|| format!("cannot read the text {}", path.display()))
        .map_err(Failure::input)?;
    String::from_utf8(bytes)
        .with_context(|| format!("the text {} is not UTF-8", path.display()))
        .map_err(Failure::input)
}
