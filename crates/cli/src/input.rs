//! Texts and datasets that the user names, or that come with the bundled model.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use anyhow::{Context, anyhow};
use layerlab_atlas::{TaskFile, bundled};
use layerlab_lab::{
    Cancel, Dataset, LabError,
    dataset::{
        ReadOptions,
        hub::{self, HubDatasetError},
        known_binary, text_of,
    },
    files::hub::HubOptions,
    general::{self, GeneralText},
};

use crate::{Failure, progress::Bars};

/// Extensions that files of datasets have, and no dataset of the Hub.
const EXTENSIONS: [&str; 8] = [
    "jsonl", "ndjson", "json", "csv", "tsv", "parquet", "txt", "md",
];

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

impl From<GeneralText> for NamedText {
    fn from(GeneralText { name, contents }: GeneralText) -> Self {
        Self {
            name: name.into(),
            contents: contents.into(),
        }
    }
}

/// The text of a file, or of the standard input for `-`.
///
/// # Errors
/// When it cannot be read, is no text, or not in a known encoding.
pub fn read_text(path: &Path) -> Result<NamedText, Failure> {
    let (name, bytes) = read_bytes(path)?;
    let contents = text_of(&bytes);
    let contents = contents.map_err(|problem| Failure::input(anyhow!("{name} {problem}")))?;
    Ok(NamedText { name, contents })
}

fn read_bytes(path: &Path) -> Result<(String, Vec<u8>), Failure> {
    let read = match path == Path::new("-") {
        true => {
            let mut contents = Vec::new();
            io::stdin().read_to_end(&mut contents).map(|_| contents)
        }
        false => fs::read(path),
    };
    let name = path.display().to_string();
    let bytes = read
        .with_context(|| format!("cannot read {name}"))
        .map_err(Failure::input)?;
    Ok((name, bytes))
}

/// A dataset: a file where there is one of that name, else one of the Hub by its id.
///
/// # Errors
/// When it cannot be read or fetched, or holds nothing that can be asked.
pub fn read_dataset(task: &Path, options: &ReadOptions) -> Result<Dataset, Failure> {
    let extension = task.extension().and_then(|extension| extension.to_str());
    let extension = extension.map(str::to_ascii_lowercase).unwrap_or_default();
    let is_file = task == Path::new("-")
        || task.exists()
        || task.components().count() != 2
        || EXTENSIONS.contains(&extension.as_str());
    match task.to_str() {
        Some(id) if !is_file => hub_dataset(id, options),
        _ if extension == "parquet" => {
            let name = task.display().to_string();
            fs::metadata(task)
                .with_context(|| format!("cannot read the dataset {name}"))
                .map_err(Failure::input)?;
            let dataset = Dataset::read_parquet(name, &[task.to_path_buf()], options);
            Ok(dataset.map_err(LabError::from)?)
        }
        _ => {
            let (name, bytes) = read_bytes(task)?;
            let is_file = task != Path::new("-");
            let dataset = match known_binary(&bytes) {
                // By whatever name.
                Some("Parquet") if is_file => {
                    Dataset::read_parquet(name, &[task.to_path_buf()], options)
                }
                _ => Dataset::read_bytes(name, &bytes, options),
            };
            Ok(dataset.map_err(LabError::from)?)
        }
    }
}

fn hub_dataset(id: &str, options: &ReadOptions) -> Result<Dataset, Failure> {
    let hub = HubOptions::from_env(|name| std::env::var(name).ok());
    // Nothing listens for Ctrl-C yet: it ends the program, and what has come stays for the next try.
    let (mut bars, cancel) = (Bars::new(), Cancel::default());
    let id = id.parse().map_err(HubDatasetError::Split)?;
    let dataset = hub::read(&id, &hub, options, &mut |progress| {
        bars.download(&progress, &cancel);
    });
    bars.clear();
    Ok(dataset?)
}

/// The text that layers are scored on: the file, else the one that comes with the bundled model, else the general one.
///
/// # Errors
/// When it cannot be read.
pub fn calibration(path: Option<&Path>, model: &str) -> Result<NamedText, Failure> {
    match path {
        Some(path) => read_text(path),
        None if model == bundled::NAME => Ok(bundled::calibration().into()),
        None => Ok(general::CALIBRATION.into()),
    }
}
