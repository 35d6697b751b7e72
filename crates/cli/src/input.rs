//! Texts that the user names, or that come with the bundled model.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use anyhow::{Context, anyhow};
use layerlab_atlas::{TaskFile, bundled};

use crate::Failure;

/// A text, and what to call it.
#[derive(Debug, Clone)]
pub struct NamedText {
    /// The path as it was given, or where it comes from.
    pub name: String,
    /// What it says.
    pub contents: String,
}

impl From<TaskFile> for NamedText {
    fn from(file: TaskFile) -> Self {
        Self {
            name: format!("{}/{}", bundled::NAME, file.name),
            contents: file.contents,
        }
    }
}

/// The contents of a file, or of the standard input for `-`.
///
/// # Errors
/// When it cannot be read or is not UTF-8.
pub fn read_text(path: &Path) -> Result<NamedText, Failure> {
    let read = match path == Path::new("-") {
        true => {
            let mut contents = Vec::new();
            io::stdin().read_to_end(&mut contents).map(|_| contents)
        }
        false => fs::read(path),
    };
    let name = path.display().to_string();
    let bytes = read
        .with_context(|| format!("cannot read the text {name}"))
        .map_err(Failure::input)?;
    let contents = String::from_utf8(bytes)
        .with_context(|| format!("the text {name} is not UTF-8"))
        .map_err(Failure::input)?;
    Ok(NamedText { name, contents })
}

/// The text that layers are scored on: the file, else the one that comes with the bundled model.
///
/// # Errors
/// When it cannot be read, or none is given for a model that has none.
pub fn calibration(path: Option<&Path>, model: &str) -> Result<NamedText, Failure> {
    match path {
        Some(path) => read_text(path),
        None if model == bundled::NAME => Ok(bundled::calibration().into()),
        None => Err(Failure::usage(anyhow!(
            "give a calibration text with --text: only the bundled model, {}, comes with one",
            bundled::NAME
        ))),
    }
}
